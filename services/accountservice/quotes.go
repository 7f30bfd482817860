package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// quoteBudget is for a whole call, from name resolution to the last byte;
	// an account with a quote is promised within 300 ms.
	quoteBudget = 250 * time.Millisecond
	// dialBudget is for one address, so that beside a task that is gone without
	// a word (packets to it are dropped) another one can still answer.
	dialBudget = 100 * time.Millisecond
	// dialAttempts is how many addresses of the name one call tries.
	dialAttempts = 2

	maxQuoteBytes = 64 << 10

	// The name is resolved for new connections only, so they don't get old:
	// otherwise new tasks would stay idle and gone ones be called.
	idleQuoteConnTimeout = 2 * time.Second
	quoteConnsRefresh    = 5 * time.Second
	maxIdleQuoteConns    = 64

	failureLogPeriod = 10 * time.Second
)

var noQuote = []byte("null")

// quotesClient calls the quotes-service.
type quotesClient struct {
	url       string
	transport *http.Transport
	refresh   throttle

	answered, failed prometheus.Counter
	failureLog       throttle
}

func newQuotesClient(address string, metrics prometheus.Registerer) (*quotesClient, error) {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("quotes URL %q is invalid: a form such as http://quotes-service:8080/api/quote is allowed: set QUOTES_URL", address)
	}
	calls := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "quote_calls_total", Help: "Calls to the quotes-service, by result: answered or failed.",
	}, []string{"result"})
	metrics.MustRegister(calls)
	// The resolver of libc can't be interrupted; Go's own can.
	resolver := net.Resolver{PreferGo: true}
	return &quotesClient{
		url: address,
		transport: &http.Transport{
			DialContext:         dialer{resolver.LookupNetIP}.dial,
			IdleConnTimeout:     idleQuoteConnTimeout,
			MaxIdleConnsPerHost: maxIdleQuoteConns,
		},
		answered: calls.WithLabelValues("answered"),
		failed:   calls.WithLabelValues("failed"),
	}, nil
}

// get returns a quote as the quotes-service encoded it, or JSON's null if it
// gave none within quoteBudget.
func (c *quotesClient) get(ctx context.Context) []byte {
	if c.refresh.due(quoteConnsRefresh) {
		c.transport.CloseIdleConnections()
	}
	ctx, cancel := context.WithTimeout(ctx, quoteBudget)
	defer cancel()
	quote, err := c.call(ctx)
	if err != nil {
		c.failed.Inc()
		if c.failureLog.due(failureLogPeriod) {
			slog.Warn("no quote from the quotes-service, accounts are answered with a null one",
				"error", err.Error(), "next_report_in", failureLogPeriod.String())
		}
		return noQuote
	}
	c.answered.Inc()
	return quote
}

func (c *quotesClient) call(ctx context.Context) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url, nil)
	if err != nil {
		return nil, err
	}
	// The transport itself, because a redirect is no answer.
	response, err := c.transport.RoundTrip(request)
	if err != nil {
		// The task may have been killed meanwhile; another one can still answer in time.
		response, err = c.transport.RoundTrip(request)
	}
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", c.url, response.Status)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxQuoteBytes))
	if err != nil {
		return nil, err
	}
	var content struct {
		Quote string `json:"quote"`
	}
	if err := json.Unmarshal(body, &content); err != nil {
		return nil, fmt.Errorf("%s did not answer a quote: %w", c.url, err)
	}
	if content.Quote == "" {
		return nil, fmt.Errorf("%s answered an object without a quote", c.url)
	}
	var compact bytes.Buffer
	err = json.Compact(&compact, body)
	return compact.Bytes(), err
}

// dialer connects to one of a name's addresses.
type dialer struct {
	lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// dial tries the addresses in random order: with DNS round robin the first
// may be of a task that is gone.
func (d dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	// Needed though the caller has the same limit: http.Transport goes on
	// dialling for a later request when this one has given up.
	ctx, cancel := context.WithTimeout(ctx, quoteBudget)
	defer cancel()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addresses, err := d.lookup(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	rand.Shuffle(len(addresses), func(i, j int) { addresses[i], addresses[j] = addresses[j], addresses[i] })
	one := net.Dialer{Timeout: dialBudget}
	var faults []error
	for _, ip := range addresses[:min(len(addresses), dialAttempts)] {
		conn, err := one.DialContext(ctx, network, net.JoinHostPort(ip.Unmap().String(), port))
		if err == nil {
			return conn, nil
		}
		faults = append(faults, err)
	}
	return nil, errors.Join(faults...)
}

// throttle says when something that happens often is due again.
type throttle struct{ last atomic.Int64 }

// due reports to one caller per period that it is its turn.
func (t *throttle) due(period time.Duration) bool {
	last, now := t.last.Load(), time.Now().UnixNano()
	return now-last >= int64(period) && t.last.CompareAndSwap(last, now)
}
