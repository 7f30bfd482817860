// Accountservice answers accounts from an embedded store, on request with a
// quote from the quotes-service.
package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"

	"swarm-platform/services/internal/httpservice"
)

const about = `accountservice answers 100 fake accounts, ids 10000 to 10099.

  GET /accounts/{id}                {"id":"10000","name":"Person_0"}
  GET /accounts/{id}?include=quote  with "quote" from the quotes-service, null if it gives none in time
  GET /health                       200 {"status":"UP"}, 503 while draining
  GET /metrics                      Prometheus

With -kafka-brokers every account that is found (200, not 404) is an event in Kafka: {"id":"10000","time":"...","replica":"..."},
its key the id. Requests never wait for that: while Kafka is away events are kept, and dropped when too many are.`

func main() {
	service := httpservice.New("accountservice", about, 6767)
	dataDir := service.Flags.String("data-dir", os.TempDir(), "`folder` for the account store, must be writable; nothing is left in it")
	quotesURL := service.Flags.String("quotes-url", "http://quotes-service:8080/api/quote?strength=4", "`URL` that answers a quote")
	kafkaBrokers := service.Flags.String("kafka-brokers", "", "`addresses` of Kafka to send events to, host:port, several separated by commas; none are sent without")
	eventsTopic := service.Flags.String("events-topic", "account.viewed", "`topic` of the events; it may come later than this service")
	service.Main(func() error {
		quotes, err := newQuotesClient(*quotesURL, service.Metrics())
		if err != nil {
			return err
		}
		var events *publisher
		if *kafkaBrokers != "" {
			if events, err = newPublisher(*kafkaBrokers, *eventsTopic, productionLimits, service.Metrics()); err != nil {
				return err
			}
			defer events.close()
		}
		accounts, err := openStore(*dataDir)
		if err != nil {
			return err
		}
		if err := accounts.seed(); err != nil {
			return errors.Join(fmt.Errorf("can't seed the accounts: %w", err), accounts.close())
		}
		fmt.Printf("Seeded %d fake accounts...\n", seededAccounts)
		service.Handle("/accounts/{id}", accountHandler(accounts, quotes, events))
		return errors.Join(service.Serve(), accounts.close())
	})
}

func accountHandler(accounts *store, quotes *quotesClient, events *publisher) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		withQuote, err := includesQuote(r.URL)
		if err != nil {
			httpservice.Error(w, http.StatusBadRequest, err.Error())
			return
		}
		id := r.PathValue("id")
		account, err := accounts.get(id)
		if err != nil {
			httpservice.Error(w, http.StatusInternalServerError, fmt.Sprintf("account %q can't be read: %v", id, err))
			return
		}
		if account == nil {
			httpservice.Error(w, http.StatusNotFound, fmt.Sprintf("account %q does not exist", id))
			return
		}
		events.viewed(id)
		if withQuote {
			account = appendField(account, "quote", quotes.get(r.Context()))
		}
		httpservice.JSON(w, http.StatusOK, account)
	})
}

func includesQuote(u *url.URL) (bool, error) {
	if u.RawQuery == "" { // the common request, without a parse
		return false, nil
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return false, fmt.Errorf("query %q is malformed: %w", u.RawQuery, err)
	}
	for _, include := range query["include"] {
		if include != "quote" {
			return false, fmt.Errorf("include %q is unknown: only quote is allowed", include)
		}
	}
	return query.Has("include"), nil
}

// appendField adds a field to an encoded JSON object that has at least one.
func appendField(object []byte, name string, value []byte) []byte {
	object = append(object[:len(object)-1], `,"`+name+`":`...)
	object = append(object, value...)
	return append(object, '}')
}
