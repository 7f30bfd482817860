// Visualizer shows the nodes, services and tasks of a swarm in the browser, as they are now.
//
//	visualizer page         the page; asks the proxy at PROXY, default http://proxy:8080
//	visualizer proxy        the only one that has the engine's socket; answers GET of three lists with what may be seen
//	visualizer healthcheck  asks the one or the other in this container
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const (
	listen = ":8080"
	socket = "/var/run/docker.sock"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	var command string
	if len(os.Args) > 1 {
		command = os.Args[1]
	}
	var err error
	switch command {
	case "page":
		proxy := os.Getenv("PROXY")
		if proxy == "" {
			proxy = "http://proxy:8080"
		}
		err = servePage(ctx, proxy)
	case "proxy":
		err = serve(ctx, proxyRoutes(socket))
	case "healthcheck":
		err = healthcheck()
	default:
		err = fmt.Errorf("unknown command %q; allowed: page, proxy, healthcheck", command)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// serve ends, and with it all that is being answered, when ctx does.
func serve(ctx context.Context, handler http.Handler) error {
	server := http.Server{
		Addr: listen, Handler: handler, ReadHeaderTimeout: 5 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	ended := make(chan error, 1)
	go func() { ended <- server.ListenAndServe() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	rest, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return server.Shutdown(rest)
}

func healthcheck() error {
	client := http.Client{Timeout: time.Second}
	response, err := client.Get("http://127.0.0.1" + listen + "/health")
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	return nil
}
