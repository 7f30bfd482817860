package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"swarm-platform/services/internal/kafka"
)

// event is what is published for a lookup, as JSON, with the account's id as
// the key.
type event struct {
	ID      string    `json:"id"`
	Time    time.Time `json:"time"` // of the lookup; RFC 3339 with the zone of the task
	Replica string    `json:"replica"`
}

// lookup is an event as it waits: small, so that many fit into a task's memory
// while the broker is away.
type lookup struct {
	id string
	at time.Time
}

// eventLimits are what a test can't wait for.
type eventLimits struct {
	// buffered is how many events wait. One is some 50 bytes.
	buffered int
	// gather is how long the first event of a batch waits for more: a produce
	// request costs this service and the broker more than its events do.
	gather time.Duration
	// stall is how long a batch may take before that is a fault to report.
	stall time.Duration
	// pause is between two tries of a batch.
	pause time.Duration
	// flush is how long the end may take, within the 20 s of grace that a task
	// has for it and its drain.
	flush time.Duration
}

var productionLimits = eventLimits{
	buffered: 20_000,
	gather:   20 * time.Millisecond,
	stall:    5 * time.Second,
	pause:    time.Second,
	flush:    4 * time.Second,
}

const (
	maxBatch = 1_000
	// maxRefusals is after how many refusals in a row a batch is given up.
	maxRefusals = 3

	dropLogPeriod = time.Minute
)

// publisher sends an event per lookup to Kafka, in the background. A request
// only ever puts one into a queue, or drops it if that is full. One goroutine
// sends, batch by batch, and goes on until Kafka has the batch: at least once,
// and no event twice unless its topic was made anew in between.
type publisher struct {
	limits    eventLimits
	replica   string
	newClient func() (*kgo.Client, error)
	watch     *kafka.Watch

	queue    chan lookup
	sending  atomic.Int64 // events taken from the queue and not finished
	stopping chan struct{}
	stopped  chan struct{}
	ctx      context.Context // its end ends what is being sent
	cancel   context.CancelFunc

	delivered, dropped, failed atomic.Int64

	// Of the sending goroutine alone:
	client *kgo.Client
	// since is when the batch was begun that is being sent.
	since time.Time
	// faultSince is when the fault that was reported last began, zero if it is over.
	faultSince  time.Time
	reported    tally // when counts were logged last
	dropLogging throttle
}

// tally is what has become of the events that were not delivered.
type tally struct{ dropped, failed int64 }

// newPublisher starts a publisher; it needs no broker for that.
func newPublisher(brokers, topic string, limits eventLimits, metrics prometheus.Registerer) (*publisher, error) {
	addresses, faults := kafka.Addresses(brokers)
	for i, fault := range faults {
		faults[i] = fmt.Errorf("%w: set KAFKA_BROKERS", fault)
	}
	if err := kafka.CheckTopic(topic); err != nil {
		faults = append(faults, fmt.Errorf("%w: set EVENTS_TOPIC", err))
	}
	replica, err := os.Hostname()
	if err := errors.Join(append(faults, err)...); err != nil {
		return nil, err
	}
	p := &publisher{
		limits:   limits,
		replica:  replica,
		watch:    &kafka.Watch{},
		queue:    make(chan lookup, limits.buffered),
		stopping: make(chan struct{}),
		stopped:  make(chan struct{}),
	}
	p.newClient = func() (*kgo.Client, error) {
		return kgo.NewClient(append(p.watch.Options(),
			kgo.SeedBrokers(addresses...),
			kgo.ClientID("accountservice"),
			kgo.DefaultProduceTopic(topic),
			kgo.RequiredAcks(kgo.AllISRAcks()),
			// The topic may come later, or the broker may create it on demand if it is set to.
			kgo.UnknownTopicRetries(-1),
			kgo.AllowAutoTopicCreation(),
			// A broker that is gone without a word is given up, and its name resolved again, after 10 s, not 20.
			kgo.DialTimeout(4*time.Second),
			kgo.ProduceRequestTimeout(5*time.Second),
			kgo.RequestTimeoutOverhead(5*time.Second),
			kgo.MetadataMinAge(time.Second),
			kgo.MetadataMaxAge(time.Minute),
			kgo.DisableClientMetrics(),
		)...)
	}
	if p.client, err = p.newClient(); err != nil {
		return nil, fmt.Errorf("can't make a Kafka client for %q: %w: set KAFKA_BROKERS", brokers, err)
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.register(metrics)
	go p.run()
	return p, nil
}

func (p *publisher) register(metrics prometheus.Registerer) {
	for result, count := range map[string]*atomic.Int64{"delivered": &p.delivered, "dropped": &p.dropped, "failed": &p.failed} {
		metrics.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name:        "account_events_total",
			Help:        "Events of account lookups, by result: delivered, dropped (the buffer was full) or failed (refused by Kafka).",
			ConstLabels: prometheus.Labels{"result": result},
		}, func() float64 { return float64(count.Load()) }))
	}
	metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "account_events_buffered", Help: "Events that wait for Kafka now.",
	}, func() float64 { return float64(p.buffered()) }))
}

func (p *publisher) buffered() int64 { return int64(len(p.queue)) + p.sending.Load() }

// viewed publishes that an account was looked up. It never waits. A nil
// publisher publishes nothing.
func (p *publisher) viewed(id string) {
	if p == nil {
		return
	}
	select {
	// Cloned, because it is a part of the request's line, which would stay in memory with it.
	case p.queue <- lookup{strings.Clone(id), time.Now()}:
	default:
		p.dropped.Add(1)
	}
}

// close sends what is still there, and gives up after limits.flush.
func (p *publisher) close() {
	if p == nil {
		return
	}
	deadline := time.AfterFunc(p.limits.flush, p.cancel)
	defer deadline.Stop()
	close(p.stopping)
	<-p.stopped
	p.cancel()
	if left := p.buffered(); left > 0 {
		slog.Error("account events were not delivered before the end and are lost",
			"lost", left, "error", p.cause(), "waited", p.limits.flush.String())
	}
}

// run sends batches until close, and then what is left.
func (p *publisher) run() {
	defer close(p.stopped)
	defer func() { p.client.Close() }() // not the one of now: deliver replaces it
	for {
		select {
		case first := <-p.queue:
			p.deliver(p.gather(first))
		case <-p.stopping:
			for len(p.queue) > 0 && p.ctx.Err() == nil {
				p.deliver(p.gather(<-p.queue))
			}
			return
		}
	}
}

// gather makes a batch of first and what comes soon after it.
func (p *publisher) gather(first lookup) (batch []*kgo.Record) {
	add := func(l lookup) {
		p.sending.Add(1)
		batch = append(batch, p.record(l))
	}
	add(first)
	enough := time.NewTimer(p.limits.gather)
	defer enough.Stop()
	for len(batch) < maxBatch {
		select {
		case next := <-p.queue:
			add(next)
			continue
		default: // only an empty queue is a reason to look at the rest
		}
		select {
		case next := <-p.queue:
			add(next)
		case <-enough.C:
			return batch
		case <-p.stopping:
			return batch
		}
	}
	return batch
}

func (p *publisher) record(l lookup) *kgo.Record {
	value, err := json.Marshal(event{l.id, l.at, p.replica})
	if err != nil {
		panic(err) // strings and the time of now can always be encoded
	}
	return &kgo.Record{Key: []byte(l.id), Value: value, Timestamp: l.at}
}

// deliver sends the batch until Kafka has it. The client itself retries all
// that can pass. What it gives up is tried again by a new client, since the old
// one may be of no use any more: it never takes a topic that was made anew, nor
// a producer id after one was refused. Only a batch that Kafka itself refuses
// again and again is given up, so that it does not stand in the way.
func (p *publisher) deliver(batch []*kgo.Record) {
	p.since = time.Now()
	for refusals := 0; ; {
		left, err := p.send(batch)
		p.finish(&p.delivered, len(batch)-len(left))
		if len(left) == 0 {
			p.reportDelivery()
			return
		}
		if p.ctx.Err() != nil {
			return
		}
		p.watch.Note(err)
		p.reportFault()
		if answer, ok := errors.AsType[*kerr.Error](err); ok && !answer.Retriable {
			refusals++
		}
		if refusals == maxRefusals {
			p.finish(&p.failed, len(left))
			return
		}
		batch = left
		select {
		case <-time.After(p.limits.pause):
		case <-p.ctx.Done():
			return
		}
		if fresh, err := p.newClient(); err == nil { // it was made once, so it can be made again
			p.client.Close()
			p.client = fresh
		}
	}
}

func (p *publisher) finish(result *atomic.Int64, count int) {
	result.Add(int64(count))
	p.sending.Add(-int64(count))
}

// send returns what the client gave up, and why.
func (p *publisher) send(batch []*kgo.Record) (left []*kgo.Record, err error) {
	sent := make(chan kgo.ProduceResults, 1)
	go func() { sent <- p.client.ProduceSync(context.Background(), batch...) }()
	stalled := time.NewTimer(p.limits.stall)
	defer stalled.Stop()
	ended := p.ctx.Done()
	for {
		select {
		case results := <-sent:
			for _, result := range results {
				if result.Err != nil {
					// Anew, because the client has written into the old one.
					left = append(left, &kgo.Record{Key: result.Record.Key, Value: result.Record.Value, Timestamp: result.Record.Timestamp})
					err = result.Err
				}
			}
			return left, err
		case <-stalled.C:
			p.reportFault()
		case <-ended:
			p.client.Close() // which ends what is being sent
			ended = nil
		}
	}
}

// reportFault logs a fault once, however long it lasts.
func (p *publisher) reportFault() {
	if !p.faultSince.IsZero() {
		return
	}
	p.faultSince = time.Now()
	slog.Warn("account events are not delivered: they are kept and sent when Kafka takes them again, while the buffer has room",
		"error", p.cause(), "buffered", p.buffered(), "buffer_size", p.limits.buffered)
}

// cause is why the batch is not delivered.
func (p *publisher) cause() string {
	return cmp.Or(p.watch.Last(p.since), "no answer for "+time.Since(p.since).Round(time.Millisecond).String())
}

// reportDelivery logs the end of a fault, and, though there was none, that
// events were dropped.
func (p *publisher) reportDelivery() {
	now := tally{p.dropped.Load(), p.failed.Load()}
	dropped, failed := now.dropped-p.reported.dropped, now.failed-p.reported.failed
	switch {
	case !p.faultSince.IsZero():
		slog.Info("account events are delivered again", "after", time.Since(p.faultSince).Round(time.Millisecond).String(),
			"buffered", p.buffered(), "dropped", dropped, "failed", failed)
		p.faultSince = time.Time{}
	case dropped > 0 && p.dropLogging.due(dropLogPeriod):
		slog.Warn("account events were dropped: more came than Kafka took", "dropped", dropped, "next_report_in", dropLogPeriod.String())
	default:
		return
	}
	p.reported = now
}
