// Blog shows articles, which are documents in Mongo, and says how often each was read, which Redis counts.
//
//	blog              serves
//	blog load         puts the first articles into Mongo, once
//	blog healthcheck  asks the server of this container
package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

const (
	address  = ":8080"
	database = "blog"
	// While a store restarts a visitor waits; this is how long at most.
	patience = 12 * time.Second
	// Until whoever asks for this task's name has learned that it goes.
	drain = 3 * time.Second
)

//go:embed articles.json *.html
var files embed.FS

var pages = template.Must(template.ParseFS(files, "*.html"))

type article struct {
	Slug  string   `bson:"_id"`
	Title string   `bson:"title"`
	Tags  []string `bson:"tags"`
	Text  string   `bson:"text"`
}

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
	client, err := mongo.Connect(options.Client().ApplyURI(os.Getenv("MONGO_URL")).SetTimeout(patience))
	if err != nil {
		return err
	}
	articles := client.Database(database).Collection("articles")
	if len(os.Args) > 1 && os.Args[1] == "load" {
		return load(ctx, articles)
	}
	password, err := os.ReadFile(os.Getenv("REDIS_PASSWORD_FILE"))
	if err != nil {
		return err
	}
	counter := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS"), Password: strings.TrimSpace(string(password))})
	defer counter.Close()
	return serve(ctx, routes(ctx, articles, counter))
}

func routes(stopping context.Context, articles *mongo.Collection, counter *redis.Client) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		if stopping.Err() != nil {
			http.Error(w, "stopping", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "up")
	})
	mux.HandleFunc("GET /blog/{$}", func(w http.ResponseWriter, r *http.Request) {
		var all []article
		cursor, err := articles.Find(r.Context(), bson.D{}, options.Find().SetSort(bson.D{{Key: "title", Value: 1}}))
		if err == nil {
			err = cursor.All(r.Context(), &all)
		}
		show(w, "list.html", map[string]any{"Title": os.Getenv("SITE_TITLE"), "Articles": all}, err)
	})
	mux.HandleFunc("GET /blog/{slug}", func(w http.ResponseWriter, r *http.Request) {
		var one article
		err := articles.FindOne(r.Context(), bson.D{{Key: "_id", Value: r.PathValue("slug")}}).Decode(&one)
		if errors.Is(err, mongo.ErrNoDocuments) {
			http.NotFound(w, r)
			return
		}
		var read int64
		if err == nil {
			read, err = counter.Incr(r.Context(), "read:"+one.Slug).Result()
		}
		show(w, "article.html", map[string]any{"Title": os.Getenv("SITE_TITLE"), "Article": one, "Read": read}, err)
	})
	return mux
}

func show(w http.ResponseWriter, page string, values any, err error) {
	if err != nil {
		log.Print(err)
		http.Error(w, "a database does not answer", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	if err := pages.ExecuteTemplate(w, page, values); err != nil {
		log.Print(err)
	}
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
