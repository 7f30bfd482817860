// Web says how often it was seen; the number is in Redis.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	address = ":8080"
	key     = "hits"
	// While Redis restarts a visitor waits; this is how long at most.
	patience = 12 * time.Second
	// Until whoever asks for this task's name has learned that it goes.
	drain = 3 * time.Second
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "healthcheck" {
		os.Exit(healthcheck())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := serve(ctx, setting("REDIS", "redis:6379"), setting("GREETING", "Hello World!")); err != nil {
		log.Fatal(err)
	}
}

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func serve(ctx context.Context, redisAddress, greeting string) error {
	client := redis.NewClient(&redis.Options{Addr: redisAddress, DialTimeout: time.Second, ReadTimeout: 2 * time.Second})
	defer client.Close()
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		if ctx.Err() != nil {
			http.Error(w, "stopping", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "up")
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		seen, err := count(r.Context(), client)
		if err != nil {
			http.Error(w, fmt.Sprintf("Redis at %s does not count: %v", redisAddress, err), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("X-Task", host)
		fmt.Fprintf(w, "%s I have been seen %d times.\n", greeting, seen)
	})
	server := http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.ListenAndServe() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	time.Sleep(drain)
	rest, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return server.Shutdown(rest)
}

// count adds one visit. An answer that got lost may have counted: none is lost, one may count twice.
func count(ctx context.Context, client *redis.Client) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		seen, err := client.Incr(ctx, key).Result()
		if err == nil {
			return seen, nil
		}
		select {
		case <-ctx.Done():
			return 0, errors.Join(err, ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func healthcheck() int {
	client := http.Client{Timeout: time.Second}
	response, err := client.Get("http://127.0.0.1" + address + "/health")
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
