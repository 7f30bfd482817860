package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
)

const (
	cookie     = "session"
	sessionAge = 30 * 24 * time.Hour
	maxBody    = 16 << 10
	newest     = 50
)

type entry struct{ Name, Text string }

func routes(stopping context.Context, entries *pgxpool.Pool, sessions *redis.Client) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		if stopping.Err() != nil {
			http.Error(w, "stopping", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "up")
	})
	mux.HandleFunc("GET /guestbook/{$}", func(w http.ResponseWriter, r *http.Request) {
		all, err := read(r.Context(), entries)
		var visitor string
		if err == nil {
			visitor, err = visitorOf(r, sessions)
		}
		if err != nil {
			unavailable(w, err)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		values := map[string]any{"Title": os.Getenv("SITE_TITLE"), "Visitor": visitor, "Entries": all}
		if err := pages.ExecuteTemplate(w, "page.html", values); err != nil {
			log.Print(err)
		}
	})
	mux.HandleFunc("POST /guestbook/{$}", func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		one := entry{Name: r.PostFormValue("name"), Text: r.PostFormValue("text")}
		if one.Name == "" || one.Text == "" {
			http.Error(w, "name and text must not be empty", http.StatusBadRequest)
			return
		}
		session := rand.Text()
		err := sessions.Set(r.Context(), key(session), one.Name, sessionAge).Err()
		if err == nil {
			_, err = entries.Exec(r.Context(), "insert into entries (name, text) values ($1, $2)", one.Name, one.Text)
		}
		if err != nil {
			unavailable(w, err)
			return
		}
		http.SetCookie(w, &http.Cookie{
			Name: cookie, Value: session, Path: "/guestbook/", MaxAge: int(sessionAge.Seconds()),
			Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		})
		http.Redirect(w, r, "/guestbook/", http.StatusSeeOther)
	})
	// Another site's page can't write in a visitor's name.
	return http.NewCrossOriginProtection().Handler(mux)
}

func read(ctx context.Context, entries *pgxpool.Pool) ([]entry, error) {
	rows, err := entries.Query(ctx, "select name, text from entries order by id desc limit $1", newest)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[entry])
}

// visitorOf is the name that the visitor gave last; empty when there is no session.
func visitorOf(r *http.Request, sessions *redis.Client) (string, error) {
	session, err := r.Cookie(cookie)
	if err != nil {
		return "", nil
	}
	name, err := sessions.Get(r.Context(), key(session.Value)).Result()
	if errors.Is(err, redis.Nil) {
		return "", nil
	}
	return name, err
}

func key(session string) string { return "session:" + session }

func unavailable(w http.ResponseWriter, err error) {
	log.Print(err)
	http.Error(w, "a database does not answer", http.StatusServiceUnavailable)
}
