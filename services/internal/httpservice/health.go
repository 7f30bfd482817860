package httpservice

import (
	"fmt"
	"io"
	"net/http"
	"time"
)

// healthcheckTimeout is far above the millisecond that a healthy service needs
// and below any interval between checks that makes sense.
const healthcheckTimeout = time.Second

var (
	healthUp   = []byte(`{"status":"UP"}`)
	healthDown = []byte(`{"status":"DOWN","reason":"draining before stop"}`)
)

func (s *Service) health(w http.ResponseWriter, _ *http.Request) {
	if s.draining.Load() {
		JSON(w, http.StatusServiceUnavailable, healthDown)
		return
	}
	JSON(w, http.StatusOK, healthUp)
}

// checkHealth asks the service on this machine's loopback for its health,
// writes the answer to w and returns the exit code: 0 if up, 1 if not.
func checkHealth(port int, w io.Writer) int {
	client := http.Client{Timeout: healthcheckTimeout}
	response, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/health", port))
	if err != nil {
		fmt.Fprintf(w, "no answer from the service: %v\n", err)
		return 1
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	if err != nil {
		fmt.Fprintf(w, "the service's answer broke off: %v\n", err)
		return 1
	}
	fmt.Fprintf(w, "%s %s\n", response.Status, body)
	if response.StatusCode != http.StatusOK {
		return 1
	}
	return 0
}
