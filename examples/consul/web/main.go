// Web registers itself with the Consul agent at CONSUL, with a check, and answers who else is there and healthy.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const (
	port = 8080
	// How often the agent is asked whether it knows this instance; one that comes back may not.
	interval = 2 * time.Second
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "healthcheck" {
		os.Exit(healthcheck())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	agent, err := newAgent(os.Getenv("CONSUL"))
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "up") })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		healthy, err := agent.healthy(r.Context(), "web")
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"this": host, "healthy": healthy})
	})
	server := http.Server{Addr: fmt.Sprintf(":%d", port), Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.ListenAndServe() }()
	for {
		if err := agent.keepRegistered(ctx, host, "web", port); err != nil && ctx.Err() == nil {
			log.Print(err)
		}
		select {
		case err := <-ended:
			return err
		case <-ctx.Done():
			rest, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			return errors.Join(agent.deregister(rest, host), server.Shutdown(rest))
		case <-time.After(interval):
		}
	}
}

func healthcheck() int {
	client := http.Client{Timeout: time.Second}
	response, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/health", port))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return 1
	}
	return 0
}
