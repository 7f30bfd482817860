// Package httpservice is what the HTTP services of this module have in
// common: command line, health, metrics, JSON answers, request time limits,
// and a stop that loses no request.
package httpservice

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"swarm-platform/services/internal/cli"
)

// Limits of one request. None of the services takes a body or computes for
// long, so whoever needs more time than this is stuck or hostile.
const (
	readHeaderTimeout = 2 * time.Second
	readTimeout       = 3 * time.Second
	writeTimeout      = 5 * time.Second
	idleTimeout       = 60 * time.Second
	maxHeaderBytes    = 16 << 10

	// lastRequests is how long an accepted connection may take to send its
	// request, once no more are accepted.
	lastRequests = 250 * time.Millisecond
	// shutdownTimeout bounds what follows the drain. It is longer than
	// readHeaderTimeout, so a connection that never sent a request can't
	// turn a clean stop into a failed one; with the default drain the
	// whole stop stays well under Docker's 10 s before SIGKILL.
	shutdownTimeout = 4 * time.Second
)

// Service is one HTTP service. Register its flags on Flags, then call Main.
type Service struct {
	// Flags are the command line; each is also an environment variable.
	Flags *flag.FlagSet

	name     string
	about    string
	port     int
	drain    time.Duration
	mux      *http.ServeMux
	metrics  *metrics
	draining atomic.Bool
	signals  chan os.Signal
}

// New returns a service that listens on port unless told otherwise. about is
// the first text of -h.
func New(name, about string, port int) *Service {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	s := &Service{
		Flags:   fs,
		name:    name,
		about:   about,
		mux:     http.NewServeMux(),
		metrics: newMetrics(),
		signals: make(chan os.Signal, 2),
	}
	cli.IntVar(fs, &s.port, "port", port, 1, 65535, "TCP `port` to listen on")
	cli.DurationVar(fs, &s.drain, "drain-time", 3*time.Second, 0, time.Minute,
		"after SIGTERM, fail /health but keep serving for this `duration`, up to 1m")
	s.Handle("/health", http.HandlerFunc(s.health))
	s.Handle("/metrics", s.metrics.handler())
	s.handle("/", "other", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		Error(w, http.StatusNotFound, fmt.Sprintf("path %q does not exist", r.URL.Path))
	}))
	return s
}

// Handle serves GET and HEAD requests of path, a pattern of http.ServeMux
// without a method.
func (s *Service) Handle(path string, h http.Handler) {
	s.handle(path, path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			Error(w, http.StatusMethodNotAllowed, fmt.Sprintf("method %s is not allowed here: use GET or HEAD", r.Method))
			return
		}
		h.ServeHTTP(w, r)
	}))
}

func (s *Service) handle(pattern, route string, h http.Handler) {
	s.mux.Handle(pattern, s.metrics.instrument(route, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.draining.Load() {
			// Sends clients that keep their connection to another task.
			w.Header().Set("Connection", "close")
		}
		h.ServeHTTP(w, r)
	})))
}

// ServeHTTP answers as the running service does.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Main runs the command line and ends the process. run prepares what the
// service needs, calls Serve, and cleans up when that returns.
func (s *Service) Main(run func() error) {
	os.Exit(s.main(os.Args[1:], run))
}

func (s *Service) main(args []string, run func() error) int {
	cli.UseJSONLogs(os.Stderr)
	healthcheck := len(args) > 0 && args[0] == "healthcheck"
	if healthcheck {
		args = args[1:]
	}
	err := cli.Parse(s.Flags, "", args)
	if errors.Is(err, flag.ErrHelp) {
		s.usage(os.Stdout)
		return 0
	}
	if err != nil {
		cli.LogErrors(err)
		return 1
	}
	if healthcheck {
		return checkHealth(s.port, os.Stdout)
	}
	// Before anything else, because a first process without a handler
	// ignores SIGTERM.
	signal.Notify(s.signals, syscall.SIGTERM, syscall.SIGINT)
	fmt.Println("Starting " + s.name)
	err = cli.CheckTimeZone()
	if err == nil {
		err = run()
	}
	if err != nil {
		cli.LogErrors(err)
		return 1
	}
	return 0
}

func (s *Service) usage(w io.Writer) {
	fmt.Fprintf(w, `%s

Usage:
  %[2]s [flags]              serve until SIGTERM
  %[2]s healthcheck [flags]  ask the running service on loopback: exit 0 if it is up, 1 if not

Flags:
`, s.about, s.name)
	cli.PrintFlags(w, s.Flags, "")
	fmt.Fprint(w, "\n"+cli.RuntimeUsage)
}

// Serve answers requests until SIGTERM or SIGINT, then drains: health fails
// while requests are still answered for the drain time, then connections are
// refused, requests in flight are awaited and idle connections closed. It
// returns nil when no request in flight was cut off. A second signal ends the
// process at once.
func (s *Service) Serve() error {
	listener, err := net.Listen("tcp", fmt.Sprintf(":%d", s.port))
	if err != nil {
		return fmt.Errorf("can't listen on port %d: %w: stop what uses it, or set PORT to another", s.port, err)
	}
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	fmt.Printf("Starting HTTP service at %d\n", s.port)
	slog.Info("serving", "service", s.name, "port", s.port, "timezone", time.Local.String(),
		"gomaxprocs", runtime.GOMAXPROCS(0), "go", runtime.Version())

	var received os.Signal
	select {
	case err := <-served:
		return fmt.Errorf("stopped accepting connections on port %d: %w", s.port, err)
	case received = <-s.signals:
	}
	slog.Info("draining", "signal", received.String(), "drain_time", s.drain.String())
	s.draining.Store(true)
	go func() {
		slog.Warn("stopping at once: requests in flight are cut off", "signal", (<-s.signals).String())
		os.Exit(1)
	}()
	time.Sleep(s.drain)
	// Shutdown drops a request that it finds read and not yet begun. So the
	// last connections get their answers first, which also close them.
	if err := listener.Close(); err != nil {
		slog.Warn("can't close the listener", "error", err.Error())
	}
	time.Sleep(lastRequests)
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("requests still in flight %s after the drain were cut off: %w", shutdownTimeout, err), server.Close())
	}
	slog.Info("stopped, requests in flight were answered")
	return nil
}
