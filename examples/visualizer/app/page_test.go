package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// A browser sees the swarm, then why it can't be seen any more, then again.
func TestEvents(t *testing.T) {
	var broken atomic.Bool
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if broken.Load() {
			http.Error(w, "the engine is away", http.StatusBadGateway)
			return
		}
		fmt.Fprintf(w, `[{"ID":"x","Description":{"Hostname":"one"},"Spec":{"Name":"web"}}]`)
	}))
	defer proxy.Close()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	live := &live{changed: make(chan struct{})}
	go live.watch(ctx, proxy.URL)
	page := httptest.NewServer(pageRoutes(live))
	defer page.Close()

	looking, leave := context.WithCancel(ctx)
	defer leave()
	request, err := http.NewRequestWithContext(looking, "GET", page.URL+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	await := func(wanted string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), wanted) {
				return
			}
		}
		t.Fatalf("the stream ended before %s: %v", wanted, lines.Err())
	}
	await(`"name":"one"`)
	broken.Store(true)
	await("the engine is away")
	broken.Store(false)
	await(`"name":"one"`)
}

func TestPageIsWhole(t *testing.T) {
	page := pageRoutes(&live{changed: make(chan struct{})})
	for _, path := range []string{"/", "/page.js", "/page.css", "/icon.svg", "/health"} {
		if code, body := request(t, page, "GET", path); code != http.StatusOK || body == "" {
			t.Errorf("GET %s: %d", path, code)
		}
	}
	if code, _ := request(t, page, "POST", "/events"); code != http.StatusMethodNotAllowed {
		t.Errorf("POST /events: %d", code)
	}
}
