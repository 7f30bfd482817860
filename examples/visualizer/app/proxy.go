package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"
)

const refusal = "refused: this is a way to look at the swarm, by GET /nodes, /services and /tasks"

// proxyRoutes lets three lists of the engine at a unix socket through, each with the fields of swarm.go. Whoever has the
// socket itself rules the machine, also where it is mounted read-only: that is about the file, not about requests.
func proxyRoutes(socket string) http.Handler {
	engine := &http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				var dialer net.Dialer
				return dialer.DialContext(ctx, "unix", socket)
			},
		},
	}
	mux := http.NewServeMux()
	mux.Handle("GET /nodes", list[node](engine, "/nodes"))
	mux.Handle("GET /services", list[service](engine, "/services?status=true"))
	mux.Handle("GET /tasks", list[task](engine, "/tasks"))
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, r *http.Request) {
		response, err := ask(r.Context(), engine, "http://engine/_ping")
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		response.Body.Close()
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, refusal, http.StatusForbidden) })
	return mux
}

// list asks the engine for the same list whatever the request's query and body say.
func list[Item any](engine *http.Client, path string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		items, err := get[Item](r.Context(), engine, "http://engine"+path)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(items)
	}
}

func get[Item any](ctx context.Context, client *http.Client, url string) ([]Item, error) {
	response, err := ask(ctx, client, url)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var items []Item
	if err := json.NewDecoder(response.Body).Decode(&items); err != nil {
		return nil, fmt.Errorf("%s can't be read: %w", url, err)
	}
	return items, nil
}

// ask fails with what the other side says unless that is 200.
func ask(ctx context.Context, client *http.Client, url string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusOK {
		return response, nil
	}
	defer response.Body.Close()
	said := make([]byte, 500)
	n, _ := response.Body.Read(said)
	return nil, fmt.Errorf("%s answers %s: %s", url, response.Status, said[:n])
}
