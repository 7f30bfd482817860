package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"sync"
	"time"
)

const (
	// How old a picture may be.
	interval = time.Second
	// After this long without a change a browser is told that the connection lives.
	keepAlive = 15 * time.Second
)

//go:embed web
var files embed.FS

func servePage(ctx context.Context, proxy string) error {
	live := &live{changed: make(chan struct{})}
	go live.watch(ctx, proxy)
	return serve(ctx, pageRoutes(live))
}

func pageRoutes(live *live) http.Handler {
	web, err := fs.Sub(files, "web")
	if err != nil {
		panic(err) // the folder is in the binary
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(web))
	mux.Handle("GET /events", live)
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "up") })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-cache")
		mux.ServeHTTP(w, r)
	})
}

// live is the newest picture, or why there is none, as a server-sent event. It is renewed while somebody looks.
type live struct {
	lock    sync.Mutex
	lookers int
	event   []byte        // nil until it is known
	changed chan struct{} // closed with the next one
}

func (l *live) watch(ctx context.Context, proxy string) {
	client := &http.Client{Timeout: 5 * time.Second}
	for ctx.Err() == nil {
		if l.isLookedAt() {
			l.set(eventNow(ctx, client, proxy))
		}
		select {
		case <-ctx.Done():
		case <-time.After(interval):
		}
	}
}

func (l *live) isLookedAt() bool {
	l.lock.Lock()
	defer l.lock.Unlock()
	return l.lookers > 0
}

func (l *live) set(event []byte) {
	l.lock.Lock()
	defer l.lock.Unlock()
	if bytes.Equal(event, l.event) {
		return
	}
	l.event = event
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *live) now() (event []byte, changed <-chan struct{}) {
	l.lock.Lock()
	defer l.lock.Unlock()
	return l.event, l.changed
}

func (l *live) look() {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.lookers++
}

// leave forgets the picture with the last who looked at it: the next must not get an old one.
func (l *live) leave() {
	l.lock.Lock()
	defer l.lock.Unlock()
	if l.lookers--; l.lookers == 0 {
		l.event = nil
	}
}

func (l *live) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.look()
	defer l.leave()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // an nginx in front passes each event on at once
	out := http.NewResponseController(w)
	var sent []byte
	next := []byte("retry: 1000\n\n")
	for {
		if _, err := w.Write(next); err != nil {
			return
		}
		if err := out.Flush(); err != nil {
			return
		}
		event, changed := l.now()
		if event != nil && !bytes.Equal(event, sent) {
			next, sent = event, event
			continue
		}
		select {
		case <-r.Context().Done():
			return
		case <-changed:
			next = nil
		case <-time.After(keepAlive):
			next = []byte(":\n\n")
		}
	}
}

// eventNow is a picture, or a fault that says why there is none.
func eventNow(ctx context.Context, client *http.Client, proxy string) []byte {
	name, data := "picture", any(nil)
	if drawn, err := draw(ctx, client, proxy); err == nil {
		data = drawn
	} else {
		name, data = "fault", err.Error()
	}
	text, err := json.Marshal(data)
	if err != nil {
		panic(err) // both are plain values
	}
	return fmt.Appendf(nil, "event: %s\ndata: %s\n\n", name, text)
}

func draw(ctx context.Context, client *http.Client, proxy string) (picture, error) {
	nodes, err := get[node](ctx, client, proxy+"/nodes")
	if err != nil {
		return picture{}, err
	}
	services, err := get[service](ctx, client, proxy+"/services")
	if err != nil {
		return picture{}, err
	}
	tasks, err := get[task](ctx, client, proxy+"/tasks")
	if err != nil {
		return picture{}, err
	}
	return pictureOf(nodes, services, tasks, time.Now()), nil
}
