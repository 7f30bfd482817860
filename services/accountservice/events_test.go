package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"swarm-platform/services/internal/processtest"
)

const (
	eventsTopic = "account.viewed"

	// patience is for a busy machine.
	patience = 30 * time.Second
)

var testLimits = eventLimits{buffered: 1000, gather: time.Millisecond, stall: 100 * time.Millisecond, pause: 10 * time.Millisecond, flush: patience}

// testPublisher is a publisher with what it reports.
type testPublisher struct {
	*publisher
	t       *testing.T
	metrics *prometheus.Registry
	log     *logBuffer
}

func newTestPublisher(t *testing.T, brokers string, limits eventLimits) testPublisher {
	t.Helper()
	p := testPublisher{t: t, metrics: prometheus.NewRegistry(), log: captureLog(t)}
	var err error
	if p.publisher, err = newPublisher(brokers, eventsTopic, limits, p.metrics); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.cancel) // a test that fails must not wait
	return p
}

// view publishes n lookups; their ids go on from those before.
func (p testPublisher) view(from, n int) {
	for i := range n {
		p.viewed(strconv.Itoa(from + i))
	}
}

// expect waits until the counts are these.
func (p testPublisher) expect(delivered, dropped, failed, buffered int64) {
	p.t.Helper()
	var got string
	want := fmt.Sprintf("delivered %d dropped %d failed %d buffered %d", delivered, dropped, failed, buffered)
	eventually(p.t, func() bool {
		got = fmt.Sprintf("delivered %d dropped %d failed %d buffered %d", p.delivered.Load(), p.dropped.Load(), p.failed.Load(), p.buffered())
		return got == want
	}, func() string { return "counts " + got + ", want " + want + ", log " + p.log.String() })
}

// expectLog waits for a text in the log after its first bytes.
func (p testPublisher) expectLog(after int, text string) {
	p.t.Helper()
	eventually(p.t, func() bool { return strings.Contains(p.log.String()[after:], text) }, p.log.String)
}

// faults is how many the client has met so far.
func (p testPublisher) faults() (count int) {
	for _, f := range p.watch.Faults() {
		count += f.Count
	}
	return count
}

func TestEvents(t *testing.T) {
	cluster := newCluster(t, kfake.SeedTopics(3, eventsTopic))
	limits := testLimits
	limits.stall = patience // so that a busy machine is no fault
	p := newTestPublisher(t, brokersOf(cluster), limits)
	accounts := newAccounts(t)
	mux := http.NewServeMux()
	mux.Handle("/accounts/{id}", accountHandler(accounts, newTestClient(t, "http://127.0.0.1:1/"), p.publisher))
	before := time.Now().Truncate(time.Second)
	for path, status := range map[string]int{
		"/accounts/10000": 200, "/accounts/10001?include=quote": 200, // these two are lookups
		"/accounts/9": 404, "/accounts/10000?include=x": 400,
	} {
		recorder := httptest.NewRecorder()
		mux.ServeHTTP(recorder, httptest.NewRequest("GET", path, nil))
		if recorder.Code != status {
			t.Errorf("%s: %d", path, recorder.Code)
		}
	}
	p.expect(2, 0, 0, 0)
	p.close()
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	events := readEvents(t, cluster, 2)
	for _, id := range []string{"10000", "10001"} {
		record := events[id]
		if record == nil {
			t.Fatalf("no event for %s in %v", id, events)
		}
		var content map[string]string
		if err := json.Unmarshal(record.Value, &content); err != nil || len(content) != 3 || content["id"] != id || content["replica"] != host {
			t.Errorf("event %s: %v", record.Value, err)
		}
		at, err := time.Parse(time.RFC3339, content["time"])
		if err != nil || at.Before(before) || at.After(time.Now()) {
			t.Errorf("time %q: %v", content["time"], err)
		}
		if record.Timestamp.Sub(at).Abs() > time.Millisecond {
			t.Errorf("the record is of %s, the event of %s", record.Timestamp, at)
		}
	}
	recorder := httptest.NewRecorder()
	promhttp.HandlerFor(p.metrics, promhttp.HandlerOpts{}).ServeHTTP(recorder, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`account_events_total{result="delivered"} 2`, `account_events_total{result="dropped"} 0`,
		`account_events_total{result="failed"} 0`, `account_events_buffered 0`,
	} {
		if !strings.Contains(recorder.Body.String(), want) {
			t.Errorf("no %s in %s", want, recorder.Body)
		}
	}
	if p.log.count("account events") != 0 {
		t.Errorf("log %s", p.log)
	}
}

// Kafka comes later than the service, goes away and comes back elsewhere: no
// event is lost or doubled, and an outage is logged at its ends only.
func TestEventsAcrossOutages(t *testing.T) {
	front := newRelay(t)
	data := t.TempDir()
	p := newTestPublisher(t, front.address, testLimits)
	sent := 0
	for range 3 {
		logged := p.log.String()
		p.view(sent, 100)
		sent += 100
		p.expectLog(len(logged), "account events are not delivered")
		p.view(sent, 100) // while the fault is known
		sent += 100
		lines, faults := p.log.count("\n"), p.faults()
		eventually(t, func() bool { return p.faults() > faults+3 }, p.log.String)
		if p.log.count("\n") != lines {
			t.Errorf("log in an outage: %s", p.log)
		}

		// Another port every time: what the client knows of the broker is wrong.
		cluster := newCluster(t, kfake.SeedTopics(2, eventsTopic), kfake.DataDir(data))
		logged = p.log.String()
		front.lead(cluster.ListenAddrs()[0])
		p.expect(int64(sent), 0, 0, 0)
		p.expectLog(len(logged), "account events are delivered again")
		p.view(sent, 100)
		sent += 100
		p.expect(int64(sent), 0, 0, 0)
		readEvents(t, cluster, sent)
		cluster.Close()
		front.lead("")
	}
}

func TestEventsWhenNameCannotBeResolved(t *testing.T) {
	p := newTestPublisher(t, "kafka.invalid:9092", testLimits)
	p.view(0, 10)
	p.expectLog(0, "DNS: the name kafka.invalid can't be resolved")
	p.expect(0, 0, 0, 10)
}

func TestEventsWaitForTheirTopic(t *testing.T) {
	cluster := newCluster(t)
	p := newTestPublisher(t, brokersOf(cluster), testLimits)
	p.view(0, 10)
	p.expectLog(0, "UNKNOWN_TOPIC_OR_PARTITION")
	if err := cluster.CreateTopic(eventsTopic, 1, nil); err != nil {
		t.Fatal(err)
	}
	p.expect(10, 0, 0, 0)
	readEvents(t, cluster, 10)
}

func TestEventsCreateTheirTopicWhereTheBrokerDoes(t *testing.T) {
	cluster := newCluster(t, kfake.AllowAutoTopicCreation())
	p := newTestPublisher(t, brokersOf(cluster), testLimits)
	p.view(0, 10)
	p.expect(10, 0, 0, 0)
}

// The client of franz-go itself would refuse such a topic for ever.
func TestEventsGoOnInATopicThatWasMadeAnew(t *testing.T) {
	cluster := newCluster(t, kfake.SeedTopics(1, eventsTopic))
	p := newTestPublisher(t, brokersOf(cluster), testLimits)
	p.view(0, 10)
	p.expect(10, 0, 0, 0)
	if err := cluster.DeleteTopic(eventsTopic); err != nil {
		t.Fatal(err)
	}
	p.view(10, 10)
	if err := cluster.CreateTopic(eventsTopic, 2, nil); err != nil {
		t.Fatal(err)
	}
	p.expect(20, 0, 0, 0)
	p.view(20, 10)
	p.expect(30, 0, 0, 0)
}

// What Kafka answers while brokers are missing is waited for; what it refuses
// is given up, so that it is not in the way of what comes when that is mended.
func TestEventsThatKafkaDoesNotTake(t *testing.T) {
	for _, answer := range []*kerr.Error{kerr.NotEnoughReplicas, kerr.NotLeaderForPartition, kerr.TopicAuthorizationFailed} {
		t.Run(answer.Message, func(t *testing.T) {
			cluster := newCluster(t, kfake.NumBrokers(1), kfake.SeedTopics(1, eventsTopic))
			fault := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: answer, Count: -1})
			p := newTestPublisher(t, brokersOf(cluster), testLimits)
			p.view(0, 10)
			p.expectLog(0, answer.Message)
			var failed int64
			if !answer.Retriable {
				eventually(t, func() bool { return p.failed.Load() == 10 }, p.log.String)
				failed = 10
			}
			fault.Remove()
			p.view(10, 10)
			p.expect(20-failed, 0, failed, 0)
			p.expectLog(0, "account events are delivered again")
		})
	}
}

// A client that may no longer get a producer id is of no use; a new one is.
func TestEventsGoOnAfterTheProducerIDWasRefused(t *testing.T) {
	cluster := newCluster(t, kfake.SeedTopics(1, eventsTopic))
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, Err: kerr.ClusterAuthorizationFailed, TopLevel: true})
	p := newTestPublisher(t, brokersOf(cluster), testLimits)
	p.view(0, 10)
	p.expect(10, 0, 0, 0)
}

// When the buffer is full events are dropped and counted, and a request does
// not notice. What is buffered is small, whatever the requests looked like.
func TestFullBufferDropsEvents(t *testing.T) {
	limits := testLimits
	limits.buffered = 20_000
	p := newTestPublisher(t, listen(t).Addr().String(), limits) // accepts, and never answers
	p.view(0, 1)
	eventually(t, func() bool { return len(p.queue) == 0 }, p.log.String) // the first is being sent
	eventually(t, func() bool { return p.log.count("\n") == 1 }, p.log.String)

	request := strings.Repeat("x", 4<<10) // of which an id is a part
	before := heap()
	start := time.Now()
	for range limits.buffered {
		line := request + "10042"
		p.viewed(line[len(request):])
	}
	for range 100_000 {
		p.viewed("10042")
	}
	if took := time.Since(start); took > 5*time.Second { // milliseconds on an idle machine
		t.Errorf("%d lookups took %s", limits.buffered+100_000, took)
	}
	if grown := int64(heap()) - int64(before); grown > 8<<20 {
		t.Errorf("the buffer takes %d bytes", grown)
	}
	p.expect(0, 100_000, 0, int64(limits.buffered)+1)
	if got := p.log.count("\n"); got != 1 {
		t.Errorf("%d log lines: %s", got, p.log)
	}
}

// What does not come through is given up after the limit of the flush, with
// its number, and nothing of the publisher is left running.
func TestEndOfThePublisher(t *testing.T) {
	before := runtime.NumGoroutine()
	limits := testLimits
	limits.flush = 200 * time.Millisecond
	for _, address := range []string{"127.0.0.1:" + strconv.Itoa(processtest.FreePort(t)), listen(t).Addr().String(), "kafka.invalid:9092"} {
		p := newTestPublisher(t, address, limits)
		p.view(0, 10)
		start := time.Now()
		p.close()
		if took := time.Since(start); took < limits.flush || took > limits.flush+5*time.Second {
			t.Errorf("%s: the end took %s", address, took)
		}
		if !strings.Contains(p.log.String(), `"lost":10`) {
			t.Errorf("%s: log %s", address, p.log)
		}
	}
	eventually(t, func() bool { return runtime.NumGoroutine() <= before }, func() string {
		return fmt.Sprintf("%d goroutines, %d before", runtime.NumGoroutine(), before)
	})
}

func TestEventsAreFlushedOnSIGTERM(t *testing.T) {
	cluster := newCluster(t, kfake.SeedTopics(2, eventsTopic))
	p := processtest.Start(t, []string{"DRAIN_TIME=0s", "TZ=Asia/Shanghai"}, "-kafka-brokers", brokersOf(cluster))
	for i := range 100 {
		response, err := http.Get(p.URL("/accounts/" + strconv.Itoa(10000+i)))
		if err != nil || response.StatusCode != 200 {
			t.Fatal(response, err)
		}
		response.Body.Close()
	}
	p.Terminate()
	if code := p.Wait(); code != 0 {
		t.Errorf("exit code %d: %s", code, p.Stderr())
	}
	for id, record := range readEvents(t, cluster, 100) {
		if !strings.Contains(string(record.Value), `+08:00"`) {
			t.Errorf("event of %s: %s", id, record.Value)
		}
	}
}

// Without Kafka the service starts, answers, and stops in time and well.
func TestProcessWithoutKafka(t *testing.T) {
	p := processtest.Start(t, []string{"DRAIN_TIME=0s", "KAFKA_BROKERS=kafka.invalid:9092"})
	for i := range 50 {
		response, err := http.Get(p.URL("/accounts/" + strconv.Itoa(10000+i)))
		if err != nil || response.StatusCode != 200 {
			t.Fatal(response, err)
		}
		response.Body.Close()
	}
	response, err := http.Get(p.URL("/metrics"))
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil || !strings.Contains(string(metrics), "account_events_buffered 50") {
		t.Errorf("metrics %s, error %v", metrics, err)
	}
	start := time.Now()
	p.Terminate()
	if code := p.Wait(); code != 0 || time.Since(start) > 10*time.Second {
		t.Errorf("exit code %d after %s: %s", code, time.Since(start), p.Stderr())
	}
	if !strings.Contains(p.Stderr(), `"lost":50`) {
		t.Errorf("log %s", p.Stderr())
	}
}

func TestKafkaFlagsAreChecked(t *testing.T) {
	code, _, stderr := processtest.Run(t, []string{"KAFKA_BROKERS=a:1,b", "EVENTS_TOPIC=a b"})
	for _, want := range []string{`broker \"b\" is not host:port: set KAFKA_BROKERS`, `topic \"a b\" is not allowed`, "set EVENTS_TOPIC"} {
		if code != 1 || !strings.Contains(stderr, want) {
			t.Errorf("exit code %d, no %q in %s", code, want, stderr)
		}
	}
}

func BenchmarkViewed(b *testing.B) {
	p, err := newPublisher("127.0.0.1:1", eventsTopic, productionLimits, prometheus.NewRegistry())
	if err != nil {
		b.Fatal(err)
	}
	defer p.cancel()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p.viewed("10042")
		}
	})
}

func newCluster(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster
}

func brokersOf(cluster *kfake.Cluster) string { return strings.Join(cluster.ListenAddrs(), ",") }

// readEvents reads the topic to its end and returns the events by key. It
// fails unless there are this many, none of them twice.
func readEvents(t *testing.T, cluster *kfake.Cluster, want int) map[string]*kgo.Record {
	t.Helper()
	var end int64
	for _, partition := range cluster.PartitionInfos(eventsTopic) {
		end += partition.HighWatermark
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.ConsumeTopics(eventsTopic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	events := map[string]*kgo.Record{}
	var read int64
	for read < end {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) { events[string(r.Key)] = r; read++ })
	}
	if len(events) != want || read != int64(want) {
		t.Fatalf("%d events with %d keys, want %d", read, len(events), want)
	}
	return events
}

// relay is an address that leads to a broker, or refuses.
type relay struct {
	address string
	target  atomic.Value
}

func newRelay(t *testing.T) *relay {
	listener := listen(t)
	r := &relay{address: listener.Addr().String()}
	r.lead("")
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				broker, err := net.Dial("tcp", r.target.Load().(string))
				if err != nil {
					return
				}
				defer broker.Close()
				go func() {
					io.Copy(broker, conn)
					broker.Close()
				}()
				io.Copy(conn, broker)
			}()
		}
	}()
	return r
}

func (r *relay) lead(target string) { r.target.Store(target) }

// logBuffer is what was logged since captureLog.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func captureLog(t *testing.T) *logBuffer {
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	log := &logBuffer{}
	slog.SetDefault(slog.New(slog.NewJSONHandler(log, nil)))
	return log
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logBuffer) count(text string) int { return strings.Count(l.String(), text) }

func eventually(t *testing.T, done func() bool, otherwise func() string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, otherwise())
		}
	}
}

func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
