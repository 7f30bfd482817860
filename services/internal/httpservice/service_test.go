package httpservice_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"swarm-platform/services/internal/httpservice"
	"swarm-platform/services/internal/processtest"
)

const slowAnswer = time.Second

func newService() *httpservice.Service {
	service := httpservice.New("testservice", "testservice is for tests.", 1)
	service.Handle("/fast/{id}", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		httpservice.JSON(w, http.StatusOK, []byte(`{"id":"`+r.PathValue("id")+`"}`))
	}))
	service.Handle("/slow", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(slowAnswer)
		httpservice.JSON(w, http.StatusOK, []byte(`{}`))
	}))
	return service
}

func TestMain(m *testing.M) {
	processtest.Main(m, func() {
		service := newService()
		service.Main(service.Serve)
	})
}

func TestAnswers(t *testing.T) {
	service := newService()
	for _, test := range []struct {
		method, path string
		status       int
		body, allow  string
	}{
		{"GET", "/fast/1", 200, `{"id":"1"}`, ""},
		{"HEAD", "/fast/1", 200, `{"id":"1"}`, ""}, // the body is dropped by the server, not by the handler
		{"POST", "/fast/1", 405, `{"message":"method POST is not allowed here: use GET or HEAD"}`, "GET, HEAD"},
		{"DELETE", "/health", 405, `{"message":"method DELETE is not allowed here: use GET or HEAD"}`, "GET, HEAD"},
		{"GET", "/", 404, `{"message":"path \"/\" does not exist"}`, ""},
		{"GET", "/fast", 404, `{"message":"path \"/fast\" does not exist"}`, ""},
		{"POST", "/nothing/here", 404, `{"message":"path \"/nothing/here\" does not exist"}`, ""},
		{"GET", "/health", 200, `{"status":"UP"}`, ""},
	} {
		recorder := httptest.NewRecorder()
		service.ServeHTTP(recorder, httptest.NewRequest(test.method, test.path, nil))
		if recorder.Code != test.status || recorder.Body.String() != test.body {
			t.Errorf("%s %s: %d %s", test.method, test.path, recorder.Code, recorder.Body)
		}
		if got := recorder.Header().Get("Content-Type"); got != "application/json" {
			t.Errorf("%s %s: content type %q", test.method, test.path, got)
		}
		if got := recorder.Header().Get("Allow"); got != test.allow {
			t.Errorf("%s %s: Allow %q", test.method, test.path, got)
		}
	}
}

func TestMetrics(t *testing.T) {
	service := newService()
	for _, path := range []string{"/fast/1", "/fast/2", "/none"} {
		service.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
	}
	recorder := httptest.NewRecorder()
	service.ServeHTTP(recorder, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`http_requests_total{code="200",route="/fast/{id}"} 2`,
		`http_requests_total{code="404",route="other"} 1`,
		`http_request_duration_seconds_count{route="/fast/{id}"} 2`,
		`http_requests_in_flight 1`, // this one
		`go_goroutines `,
		`process_open_fds `,
	} {
		if !strings.Contains(recorder.Body.String(), want) {
			t.Errorf("no %s", want)
		}
	}
}

// A request on a connection that was accepted in time is answered, although
// the service no longer accepts any.
func TestLastRequestIsAnswered(t *testing.T) {
	p := processtest.Start(t, []string{"DRAIN_TIME=300ms"})
	p.Terminate()
	p.WaitForLog(`"msg":"draining"`)
	last := dial(t, p.Port)
	for {
		conn, err := net.Dial("tcp", last.RemoteAddr().String())
		if err != nil {
			break
		}
		conn.Close()
		time.Sleep(time.Millisecond)
	}
	fmt.Fprint(last, "GET /fast/1 HTTP/1.1\r\nHost: x\r\n\r\n")
	response, err := http.ReadResponse(bufio.NewReader(last), nil)
	if err != nil || response.StatusCode != 200 || !response.Close {
		t.Errorf("%+v %v", response, err)
	}
	if code := p.Wait(); code != 0 {
		t.Errorf("exit code %d: %s", code, p.Stderr())
	}
}

// While it drains, the service says that it is down but serves, also what is
// slower than the drain; then it ends well, whatever connections are open.
func TestDrain(t *testing.T) {
	p := processtest.Start(t, []string{"DRAIN_TIME=500ms"})
	idle := dial(t, p.Port) // a keep-alive connection after a request
	fmt.Fprint(idle, "GET /fast/1 HTTP/1.1\r\nHost: x\r\n\r\n")
	if response, err := http.ReadResponse(bufio.NewReader(idle), nil); err != nil || response.StatusCode != 200 || response.Close {
		t.Fatal(response, err)
	}
	dial(t, p.Port) // one that never sends a request
	slow := make(chan error, 1)
	go func() {
		status, _, err := get(p.URL("/slow"))
		if err == nil && status != 200 {
			err = fmt.Errorf("status %d", status)
		}
		slow <- err
	}()
	time.Sleep(100 * time.Millisecond) // for the slow request to be there

	start := time.Now()
	p.Terminate()
	p.WaitForLog(`"msg":"draining"`)
	if status, body, err := get(p.URL("/health")); status != 503 || !strings.Contains(body, `"status":"DOWN"`) {
		t.Errorf("health while draining: %d %s %v", status, body, err)
	}
	response, err := http.Get(p.URL("/fast/1"))
	if err != nil || response.StatusCode != 200 || !response.Close {
		t.Errorf("request while draining: %+v %v", response, err)
	}
	if err := <-slow; err != nil {
		t.Errorf("slow request: %v", err)
	}
	if code := p.Wait(); code != 0 {
		t.Errorf("exit code %d: %s", code, p.Stderr())
	}
	if took := time.Since(start); took < 500*time.Millisecond || took > 6*time.Second {
		t.Errorf("the stop took %s", took)
	}
	if !strings.Contains(p.Stderr(), "stopped, requests in flight were answered") {
		t.Errorf("log: %s", p.Stderr())
	}
}

func TestSecondSignalStopsAtOnce(t *testing.T) {
	p := processtest.Start(t, []string{"DRAIN_TIME=1m"})
	p.Terminate()
	p.WaitForLog(`"msg":"draining"`)
	start := time.Now()
	p.Terminate()
	if code := p.Wait(); code != 1 || time.Since(start) > 2*time.Second {
		t.Errorf("exit code %d after %s", code, time.Since(start))
	}
}

func TestHealthcheck(t *testing.T) {
	p := processtest.Start(t, []string{"DRAIN_TIME=1m"})
	port := []string{"PORT=" + strconv.Itoa(p.Port)}
	best := time.Hour
	for range 5 { // the best of some, because the machine may be busy
		start := time.Now()
		code, stdout, stderr := processtest.Run(t, port, "healthcheck")
		if best = min(best, time.Since(start)); code != 0 || !strings.Contains(stdout, `{"status":"UP"}`) {
			t.Fatalf("exit code %d: %s%s", code, stdout, stderr)
		}
	}
	if best > 50*time.Millisecond {
		t.Errorf("a check took %s", best)
	}
	p.Terminate()
	p.WaitForLog(`"msg":"draining"`)
	if code, stdout, _ := processtest.Run(t, port, "healthcheck"); code != 1 || !strings.Contains(stdout, "503") {
		t.Errorf("while draining: exit code %d: %s", code, stdout)
	}
	nothing := strconv.Itoa(processtest.FreePort(t))
	if code, stdout, _ := processtest.Run(t, nil, "healthcheck", "-port", nothing); code != 1 || !strings.Contains(stdout, "no answer") {
		t.Errorf("with no service: exit code %d: %s", code, stdout)
	}
}

func TestFaultsAtStart(t *testing.T) {
	listener, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	taken := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	for name, test := range map[string]struct {
		env  []string
		want []string // one log line each
	}{
		"port taken":      {[]string{"PORT=" + taken}, []string{"can't listen on port " + taken + ": .*: stop what uses it, or set PORT to another"}},
		"two wrong":       {[]string{"PORT=0", "DRAIN_TIME=soon"}, []string{"DRAIN_TIME", "PORT"}},
		"wrong time zone": {[]string{"TZ=CST-8"}, []string{"TZ=CST-8 is not a known time zone"}},
	} {
		code, stdout, stderr := processtest.Run(t, test.env)
		lines := strings.Split(strings.TrimSpace(stderr), "\n")
		if code != 1 || strings.Contains(stdout, "Starting HTTP") || len(lines) != len(test.want) {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", name, code, stdout, stderr)
			continue
		}
		for i, line := range lines {
			var entry struct{ Level, Msg string }
			if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Level != "ERROR" {
				t.Errorf("%s: %s: %v", name, line, err)
			}
			for part := range strings.SplitSeq(test.want[i], ".*") {
				if !strings.Contains(entry.Msg, part) {
					t.Errorf("%s: %q does not have %q", name, entry.Msg, part)
				}
			}
		}
	}
}

func TestHelp(t *testing.T) {
	code, stdout, _ := processtest.Run(t, nil, "-h")
	for _, want := range []string{"testservice is for tests.", "healthcheck", "-port", "PORT", "DRAIN_TIME, default 3s", "TZ", "GOMEMLIMIT"} {
		if code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("exit code %d, no %q in %s", code, want, stdout)
		}
	}
}

func get(url string) (status int, body string, err error) {
	response, err := http.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return response.StatusCode, string(content), err
}

func dial(t *testing.T, port int) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}
