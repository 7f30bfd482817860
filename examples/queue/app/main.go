// Queue receives bodies over HTTP and puts them on a Redis list, which its worker drains.
//
//	queue receive      POST / takes a body; GET /stats counts; GET /done lists what the worker has done
//	queue work         the worker
//	queue healthcheck  asks the receiver of this container
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
	waiting = "queue:waiting" // a list: received, newest on the left
	taken   = "queue:taken"   // a list: the worker is at it
	done    = "queue:done"    // a set of bodies
	// While Redis restarts callers wait; this is how long at most.
	patience = 12 * time.Second
	pause    = 200 * time.Millisecond
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	address := os.Getenv("REDIS")
	if address == "" {
		address = "redis:6379"
	}
	// No retries of its own: an acknowledgement that was lost is not repeated behind the caller's back.
	client := redis.NewClient(&redis.Options{Addr: address, DialTimeout: time.Second, ReadTimeout: 3 * time.Second, MaxRetries: -1})
	defer client.Close()

	var command string
	if len(os.Args) > 1 {
		command = os.Args[1]
	}
	var err error
	switch command {
	case "receive":
		err = receive(ctx, client)
	case "work":
		err = work(ctx, client)
	case "healthcheck":
		err = healthcheck()
	default:
		err = fmt.Errorf("unknown command %q; allowed: receive, work, healthcheck", command)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// untilDone repeats what fails while Redis is away.
func untilDone(ctx context.Context, try func() error) error {
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(pause):
		}
	}
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
