package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	listen  = ":8080"
	maxBody = 64 << 10
	// Until whoever asks for this task's name has learned that it goes.
	drain = 3 * time.Second
)

func receive(ctx context.Context, client *redis.Client) error {
	server := http.Server{Addr: listen, Handler: routes(ctx, client), ReadHeaderTimeout: 5 * time.Second}
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

func routes(stopping context.Context, client *redis.Client) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		if stopping.Err() != nil {
			http.Error(w, "stopping", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "up")
	})
	// 202 when Redis has the body on disk, not before.
	mux.HandleFunc("POST /{$}", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			http.Error(w, fmt.Sprintf("body not read: %v; allowed: up to %d bytes", err, maxBody), http.StatusBadRequest)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		if err := untilDone(ctx, func() error { return client.LPush(ctx, waiting, body).Err() }); err != nil {
			http.Error(w, fmt.Sprintf("not taken: %v", err), http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	})
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, r *http.Request) {
		pipe := client.Pipeline()
		inQueue, atWork, finished := pipe.LLen(r.Context(), waiting), pipe.LLen(r.Context(), taken), pipe.SCard(r.Context(), done)
		if _, err := pipe.Exec(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]int64{"waiting": inQueue.Val(), "taken": atWork.Val(), "done": finished.Val()})
	})
	mux.HandleFunc("GET /done", func(w http.ResponseWriter, r *http.Request) {
		bodies, err := client.SMembers(r.Context(), done).Result()
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		for _, body := range bodies {
			fmt.Fprintln(w, body)
		}
	})
	return mux
}
