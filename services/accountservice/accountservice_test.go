package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"swarm-platform/services/internal/processtest"
)

const (
	aQuote = `{"hardwareArchitecture":"amd64","operatingSystem":"linux","ipAddress":"host/10.0.9.3","quote":"Well begun is half done.","language":"en"}`

	// quoteLimit is what an account with a quote may take altogether.
	quoteLimit = 300 * time.Millisecond
)

func TestMain(m *testing.M) { processtest.Main(m, main) }

func newHandler(t testing.TB, quotesURL string) http.Handler {
	t.Helper()
	return newHandlerWith(t, newTestClient(t, quotesURL))
}

func newTestClient(t testing.TB, quotesURL string) *quotesClient {
	t.Helper()
	quotes, err := newQuotesClient(quotesURL, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(quotes.transport.CloseIdleConnections)
	return quotes
}

func newHandlerWith(t testing.TB, quotes *quotesClient) http.Handler {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/accounts/{id}", accountHandler(newAccounts(t), quotes, nil))
	return mux
}

func newAccounts(t testing.TB) *store {
	t.Helper()
	accounts, err := openStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { accounts.close() })
	if err := accounts.seed(); err != nil {
		t.Fatal(err)
	}
	return accounts
}

func TestAccounts(t *testing.T) {
	quotes := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, aQuote) })
	handler := newHandler(t, quotes)
	for _, test := range []struct {
		path   string
		status int
		body   string
	}{
		{"/accounts/10000", 200, `{"id":"10000","name":"Person_0"}`},
		{"/accounts/10099", 200, `{"id":"10099","name":"Person_99"}`},
		{"/accounts/10000?unrelated=1", 200, `{"id":"10000","name":"Person_0"}`},
		{"/accounts/10100", 404, `{"message":"account \"10100\" does not exist"}`},
		{"/accounts/9999", 404, `{"message":"account \"9999\" does not exist"}`},
		{"/accounts/a%2Fb", 404, `{"message":"account \"a/b\" does not exist"}`},
		{"/accounts/10100?include=quote", 404, `{"message":"account \"10100\" does not exist"}`},
		{"/accounts/10001?include=quote", 200, `{"id":"10001","name":"Person_1","quote":` + aQuote + `}`},
		{"/accounts/10001?include=quote&include=quote", 200, `{"id":"10001","name":"Person_1","quote":` + aQuote + `}`},
		{"/accounts/10001?include=address", 400, `{"message":"include \"address\" is unknown: only quote is allowed"}`},
		{"/accounts/10001?include=", 400, `{"message":"include \"\" is unknown: only quote is allowed"}`},
		{"/accounts/10001?include=quote&include=x", 400, `{"message":"include \"x\" is unknown: only quote is allowed"}`},
		{"/accounts/10001?include=%zz", 400, `{"message":"query \"include=%zz\" is malformed: invalid URL escape \"%zz\""}`},
	} {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest("GET", test.path, nil))
		if recorder.Code != test.status || recorder.Body.String() != test.body {
			t.Errorf("%s: %d %s, want %d %s", test.path, recorder.Code, recorder.Body, test.status, test.body)
		}
		if got := recorder.Header().Get("Content-Type"); got != "application/json" {
			t.Errorf("%s: content type %q", test.path, got)
		}
	}
}

// Whatever is wrong with the quotes-service, the account comes, and in time.
func TestAccountWithoutQuote(t *testing.T) {
	answer := func(status int, body string) string {
		return serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			io.WriteString(w, body)
		})
	}
	stuck := func(before string) string {
		return serve(t, func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, before)
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})
	}
	for name, url := range map[string]string{
		"slow":                       serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }),
		"stops in the middle":        stuck(aQuote[:20]),
		"never ends":                 stuck(aQuote),
		"accepts and says nothing":   "http://" + listen(t).Addr().String(),
		"refused":                    "http://127.0.0.1:" + strconv.Itoa(processtest.FreePort(t)),
		"unresolvable":               "http://quotes-service.invalid:8080/api/quote",
		"500":                        answer(500, aQuote),
		"404":                        answer(404, "404 page not found"),
		"redirect":                   serve(t, http.RedirectHandler("/elsewhere", http.StatusFound).ServeHTTP),
		"no JSON":                    answer(200, "<html>"),
		"half a JSON":                answer(200, aQuote[:len(aQuote)-1]),
		"JSON and more":              answer(200, aQuote+"}"),
		"no object":                  answer(200, `["quote"]`),
		"null":                       answer(200, `null`),
		"object without a quote":     answer(200, `{"language":"en"}`),
		"quote that is not a string": answer(200, `{"quote":1}`),
		"empty":                      answer(200, ""),
		"too long":                   answer(200, `{"quote":"`+strings.Repeat("x", maxQuoteBytes)+`"}`),
	} {
		t.Run(name, func(t *testing.T) {
			handler := newHandler(t, url)
			for range 2 { // the second call may find a connection
				start := time.Now()
				recorder := httptest.NewRecorder()
				handler.ServeHTTP(recorder, httptest.NewRequest("GET", "/accounts/10000?include=quote", nil))
				if took := time.Since(start); took >= quoteLimit {
					t.Errorf("took %s", took)
				}
				if want := `{"id":"10000","name":"Person_0","quote":null}`; recorder.Code != 200 || recorder.Body.String() != want {
					t.Errorf("%d %s", recorder.Code, recorder.Body)
				}
			}
		})
	}
}

func TestNameThatNeverResolvesIsGivenUpInTime(t *testing.T) {
	quotes := newTestClient(t, "http://quotes-service:8080/")
	quotes.transport.DialContext = dialer{func(ctx context.Context, _, _ string) ([]netip.Addr, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}.dial
	start := time.Now()
	if got := string(quotes.get(t.Context())); got != "null" || time.Since(start) >= quoteLimit {
		t.Errorf("%s after %s", got, time.Since(start))
	}
}

// One of two addresses belongs to a task that is gone: the other one answers.
func TestQuoteFromAnotherAddress(t *testing.T) {
	_, port, err := net.SplitHostPort(strings.TrimPrefix(
		serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, aQuote) }), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	gone, alive := netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.1")
	for range 20 { // the order is random
		quotes := newTestClient(t, "http://quotes-service:"+port+"/api/quote")
		quotes.transport.DialContext = dialer{func(context.Context, string, string) ([]netip.Addr, error) {
			return []netip.Addr{gone, alive}, nil
		}}.dial
		if got := string(quotes.get(t.Context())); got != aQuote {
			t.Fatal(got)
		}
	}
}

// A task that is killed while it answers: the call is made again, once.
func TestQuoteWhenTheConnectionBreaks(t *testing.T) {
	for broken, want := range map[int]string{1: aQuote, 2: "null"} {
		var calls atomic.Int32
		url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if int(calls.Add(1)) <= broken {
				panic(http.ErrAbortHandler)
			}
			io.WriteString(w, aQuote)
		})
		if got := string(newTestClient(t, url).get(t.Context())); got != want {
			t.Errorf("%d connections broke: %s, want %s", broken, got, want)
		}
		if calls.Load() != 2 {
			t.Errorf("%d connections broke: %d calls", broken, calls.Load())
		}
	}
}

// A connection that is kept must not tie the client to one task.
func TestConnectionsAreRenewed(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, `{"quote":%q}`, r.RemoteAddr) })
	quotes := newTestClient(t, url)
	first := string(quotes.get(t.Context()))
	if again := string(quotes.get(t.Context())); again != first {
		t.Errorf("the connection was not kept: %s, then %s", first, again)
	}
	quotes.refresh.last.Store(time.Now().Add(-quoteConnsRefresh).UnixNano())
	if later := string(quotes.get(t.Context())); later == first || later == "null" {
		t.Errorf("the connection was not renewed: %s, then %s", first, later)
	}
}

func TestThrottle(t *testing.T) {
	var th throttle
	if !th.due(time.Hour) || th.due(time.Hour) || !th.due(0) {
		t.Error("due once a period is expected, the first time at once")
	}
}

func TestQuotesURLIsChecked(t *testing.T) {
	for _, url := range []string{"", "quotes-service:8080", "ftp://quotes-service/", "http://", "http://a b/", "/api/quote"} {
		_, err := newQuotesClient(url, prometheus.NewRegistry())
		if err == nil || !strings.Contains(err.Error(), strconv.Quote(url)) || !strings.Contains(err.Error(), "set QUOTES_URL") {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestStoreLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	accounts, err := openStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := accounts.seed(); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("files %v, error %v", files, err)
	}
	if got, err := accounts.get("10042"); string(got) != `{"id":"10042","name":"Person_42"}` || err != nil {
		t.Errorf("%s, error %v", got, err)
	}
	if err := accounts.close(); err != nil {
		t.Error(err)
	}
}

func TestStoreFault(t *testing.T) {
	dir := t.TempDir() + "/absent"
	_, err := openStore(dir)
	if err == nil || !strings.Contains(err.Error(), strconv.Quote(dir)) || !strings.Contains(err.Error(), "DATA_DIR") {
		t.Errorf("error %v", err)
	}
}

func TestProcess(t *testing.T) {
	p := processtest.Start(t, []string{"TZ=Asia/Shanghai", "DRAIN_TIME=0s", "QUOTES_URL=http://127.0.0.1:1/"})
	for path, want := range map[string]string{
		"/accounts/10000":               `{"id":"10000","name":"Person_0"}`,
		"/accounts/10000?include=quote": `{"id":"10000","name":"Person_0","quote":null}`,
		"/health":                       `{"status":"UP"}`,
	} {
		response, err := http.Get(p.URL(path))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || string(body) != want {
			t.Errorf("%s: %s %v", path, body, err)
		}
	}
	p.Terminate()
	if code := p.Wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	want := fmt.Sprintf("Starting accountservice\nSeeded 100 fake accounts...\nStarting HTTP service at %d\n", p.Port)
	if p.Stdout() != want {
		t.Errorf("stdout %q, want %q", p.Stdout(), want)
	}
	for line := range strings.Lines(p.Stderr()) {
		var entry struct{ Time string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Errorf("log line %q: %v", line, err)
		}
		if _, err := time.Parse(time.RFC3339Nano, entry.Time); err != nil || !strings.HasSuffix(entry.Time, "+08:00") {
			t.Errorf("log time %q, error %v", entry.Time, err)
		}
	}
}

func BenchmarkAccount(b *testing.B) {
	handler := newHandler(b, "http://127.0.0.1:1/")
	request := httptest.NewRequest("GET", "/accounts/10000", nil)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			handler.ServeHTTP(discard{http.Header{}}, request.Clone(request.Context()))
		}
	})
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

func serve(t testing.TB, handler http.HandlerFunc) (url string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}
