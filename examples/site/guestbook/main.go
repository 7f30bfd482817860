// Guestbook shows entries, which are rows in Postgres; Redis has the sessions of those who wrote one.
//
//	guestbook              serves
//	guestbook load         makes the table and puts the first entries into it, once
//	guestbook healthcheck  asks the server of this container
package main

import (
	"context"
	"embed"
	"errors"
	"html/template"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
)

const (
	address = ":8080"
	// While a store restarts a visitor waits; this is how long at most.
	patience = 12 * time.Second
	// Until whoever asks for this task's name has learned that it goes.
	drain = 3 * time.Second
)

//go:embed entries.json page.html
var files embed.FS

var pages = template.Must(template.ParseFS(files, "page.html"))

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	if len(os.Args) > 1 && os.Args[1] == "healthcheck" {
		return healthcheck()
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	// Where it is and who asks: PGHOST, PGUSER and PGDATABASE.
	settings, err := pgxpool.ParseConfig("")
	if err != nil {
		return err
	}
	if settings.ConnConfig.Password, err = password("POSTGRES_PASSWORD_FILE"); err != nil {
		return err
	}
	entries, err := pgxpool.NewWithConfig(ctx, settings)
	if err != nil {
		return err
	}
	defer entries.Close()
	if len(os.Args) > 1 && os.Args[1] == "load" {
		return load(ctx, entries)
	}
	secret, err := password("REDIS_PASSWORD_FILE")
	if err != nil {
		return err
	}
	sessions := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS"), Password: secret})
	defer sessions.Close()
	return serve(ctx, routes(ctx, entries, sessions))
}

// password reads the file that a variable names.
func password(variable string) (string, error) {
	text, err := os.ReadFile(os.Getenv(variable))
	return strings.TrimSpace(string(text)), err
}

func serve(ctx context.Context, handler http.Handler) error {
	server := http.Server{Addr: address, Handler: http.TimeoutHandler(handler, patience, "a database does not answer"), ReadHeaderTimeout: 5 * time.Second}
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

func healthcheck() error {
	client := http.Client{Timeout: time.Second}
	response, err := client.Get("http://127.0.0.1" + address + "/health")
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	return nil
}
