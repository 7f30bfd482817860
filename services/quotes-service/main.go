// Quotes-service answers a random quote after a chosen amount of work.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/crypto/bcrypt"

	"swarm-platform/services/internal/httpservice"
)

const about = `quotes-service answers a random quote after a chosen amount of work.

  GET /api/quote?strength=4&language=en
      {"hardwareArchitecture","operatingSystem","ipAddress","quote","language"}
      strength  work to do first: the cost of one bcrypt hash, 1 to 10, default 4.
                bcrypt has no cost under 4, so 1 to 3 count as 4 (about 1 ms of
                one CPU); every step above doubles it (10: about 60 ms).
      language  one of ` + languageList + `, default any
  GET /health   200 {"status":"UP"}, 503 while draining
  GET /metrics  Prometheus`

const (
	minStrength     = 1
	maxStrength     = 10
	defaultStrength = 4
)

// answer has the fields of the Spring Boot service of the same name.
type answer struct {
	HardwareArchitecture string `json:"hardwareArchitecture"`
	OperatingSystem      string `json:"operatingSystem"`
	// IPAddress is "hostname/address", as Java's InetAddress prints itself.
	IPAddress string `json:"ipAddress"`
	quote
}

func main() {
	service := httpservice.New("quotes-service", about, 8080)
	service.Main(func() error {
		host, err := localHost()
		if err != nil {
			return err
		}
		service.Handle("/api/quote", quoteHandler(host))
		return service.Serve()
	})
}

func quoteHandler(host string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			httpservice.Error(w, http.StatusBadRequest, fmt.Sprintf("query %q is malformed: %v", r.URL.RawQuery, err))
			return
		}
		strength, err := parseStrength(query)
		if err != nil {
			httpservice.Error(w, http.StatusBadRequest, err.Error())
			return
		}
		choice, err := quotesIn(query)
		if err != nil {
			httpservice.Error(w, http.StatusBadRequest, err.Error())
			return
		}
		if err := work(strength); err != nil {
			httpservice.Error(w, http.StatusInternalServerError, fmt.Sprintf("the work of strength %d failed: %v", strength, err))
			return
		}
		body, err := json.Marshal(answer{
			HardwareArchitecture: runtime.GOARCH,
			OperatingSystem:      runtime.GOOS,
			IPAddress:            host,
			quote:                choice[rand.IntN(len(choice))],
		})
		if err != nil {
			httpservice.Error(w, http.StatusInternalServerError, fmt.Sprintf("the quote can't be encoded: %v", err))
			return
		}
		httpservice.JSON(w, http.StatusOK, body)
	})
}

func parseStrength(query url.Values) (int, error) {
	if !query.Has("strength") {
		return defaultStrength, nil
	}
	value := query.Get("strength")
	strength, err := strconv.Atoi(value)
	if err != nil || strength < minStrength || strength > maxStrength {
		return 0, fmt.Errorf("strength %q is not allowed: give a whole number from %d to %d", value, minStrength, maxStrength)
	}
	return strength, nil
}

func quotesIn(query url.Values) ([]quote, error) {
	if !query.Has("language") {
		return quotes, nil
	}
	language := query.Get("language")
	var found []quote
	for _, q := range quotes {
		if q.Language == language {
			found = append(found, q)
		}
	}
	if found == nil {
		return nil, fmt.Errorf("language %q is not known: give one of %s", language, languageList)
	}
	return found, nil
}

// work hashes once with bcrypt; see about for what a strength costs.
func work(strength int) error {
	_, err := bcrypt.GenerateFromPassword([]byte("quote"), max(strength, bcrypt.MinCost))
	return err
}

// localHost returns "hostname/address" of this container. In a container with
// several networks the address is the one that the engine wrote to /etc/hosts
// for the hostname; elsewhere, the first that is not loopback.
func localHost() (string, error) {
	hostname, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("the host has no name: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var candidates []net.IP
	if found, err := net.DefaultResolver.LookupIP(ctx, "ip4", hostname); err == nil {
		candidates = found
	}
	if interfaces, err := net.InterfaceAddrs(); err == nil {
		for _, a := range interfaces {
			if network, ok := a.(*net.IPNet); ok && network.IP.To4() != nil {
				candidates = append(candidates, network.IP)
			}
		}
	}
	for _, ip := range candidates {
		if !ip.IsLoopback() {
			return hostname + "/" + ip.String(), nil
		}
	}
	return hostname + "/127.0.0.1", nil
}
