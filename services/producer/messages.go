package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// progressPeriod is how long a run may be silent.
	progressPeriod = 2 * time.Second
	// cleanupTimeout is for what follows a run that has used up its own time.
	cleanupTimeout = 5 * time.Second
)

func runProduce(ctx context.Context, opts options, progress io.Writer) (string, error) {
	start := time.Now()
	brokers, err := checkCluster(ctx, opts.brokers)
	if err != nil {
		return "", err
	}
	if err := produce(ctx, brokers, opts, progress); err != nil {
		return "", explain(ctx, err, opts.brokers)
	}
	return fmt.Sprintf("produced %d of %d messages to topic %s with prefix %s in %s: all acknowledged by all in-sync replicas",
		opts.count, opts.count, opts.topic, opts.prefix, rounded(start)), nil
}

func runConsume(ctx context.Context, opts options, progress io.Writer) (string, error) {
	start := time.Now()
	brokers, err := checkCluster(ctx, opts.brokers)
	if err != nil {
		return "", err
	}
	if err := consume(ctx, brokers, opts, progress); err != nil {
		return "", explain(ctx, err, opts.brokers)
	}
	return fmt.Sprintf("consumed %d of %d messages from topic %s with prefix %s in %s: complete, and in order in every partition",
		opts.count, opts.count, opts.topic, opts.prefix, rounded(start)), nil
}

func runRoundtrip(ctx context.Context, opts options, progress io.Writer) (_ string, err error) {
	start := time.Now()
	brokers, err := checkCluster(ctx, opts.brokers)
	if err != nil {
		return "", err
	}
	opts.prefix = fmt.Sprintf("%s-%s-%06x", opts.prefix, start.UTC().Format("20060102T150405"), rand.N(1<<24))
	if opts.topic == "" {
		opts.topic = "roundtrip-" + opts.prefix
		defer func() { err = errors.Join(err, deleteTopic(brokers, opts.topic)) }()
	}
	if err := produce(ctx, brokers, opts, progress); err != nil {
		return "", explain(ctx, err, opts.brokers)
	}
	if err := consume(ctx, brokers, opts, progress); err != nil {
		return "", explain(ctx, err, opts.brokers)
	}
	return fmt.Sprintf("round trip of %d of %d messages through topic %s in %s: complete and in order; advertised brokers: %s",
		opts.count, opts.count, opts.topic, rounded(start), listed(brokers)), nil
}

// produce writes the messages and returns nil when each is acknowledged by all
// in-sync replicas.
func produce(ctx context.Context, brokers []broker, opts options, progress io.Writer) error {
	client, err := newClient(brokers,
		kgo.RequiredAcks(kgo.AllISRAcks()), // with idempotence, franz-go's default: no duplicate, no change of order
		kgo.UnknownTopicRetries(-1),        // it exists, but brokers learn of a new topic one after another
	)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := ensureTopic(ctx, client, opts.topic); err != nil {
		return err
	}
	var acknowledged tally
	defer acknowledged.report(progress, "acknowledged", opts.count)()
	for n := range opts.count {
		client.Produce(ctx, &kgo.Record{
			Topic: opts.topic,
			Key:   []byte(opts.prefix + "-" + strconv.Itoa(n)),
			Value: []byte(time.Now().Format(time.RFC3339Nano)),
		}, func(_ *kgo.Record, err error) { acknowledged.add(err) })
	}
	client.Flush(ctx) // can only fail with ctx, whose end is looked at below
	done, firstErr := acknowledged.result()
	if done == opts.count {
		return nil
	}
	if ctx.Err() != nil {
		firstErr = context.Cause(ctx)
	}
	return fmt.Errorf("%d of %d messages to topic %s were not acknowledged by all in-sync replicas: %w", opts.count-done, opts.count, opts.topic, firstErr)
}

// consume reads the topic from its beginning until every message has come, and
// fails if one came twice or out of order.
func consume(ctx context.Context, brokers []broker, opts options, progress io.Writer) error {
	client, err := newClient(brokers, kgo.ConsumeTopics(opts.topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer client.Close()
	if exists, err := topicExists(ctx, client, opts.topic); err != nil {
		return err
	} else if !exists {
		return fmt.Errorf("topic %s does not exist: write to it first, with producer produce", opts.topic)
	}
	received := newReceipt(opts.prefix, opts.count)
	var came tally
	defer came.report(progress, "received", opts.count)()
	for !received.complete() {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return errors.Join(fmt.Errorf("%s in topic %s: %w", received.missing(), opts.topic, context.Cause(ctx)), received.fault)
		}
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("can't read topic %s: %w", opts.topic, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if received.add(r.Partition, string(r.Key)) {
				came.add(nil)
			}
		})
	}
	return received.fault
}

// receipt checks which messages of a run have come.
type receipt struct {
	prefix  string
	seen    []bool
	pending int
	last    map[int32]int // number of the last message, by partition
	fault   error         // the first
}

func newReceipt(prefix string, count int) *receipt {
	return &receipt{prefix: prefix + "-", seen: make([]bool, count), pending: count, last: map[int32]int{}}
}

// add notes a message and reports whether it is a new one of this run;
// messages of other runs may lie in the same topic.
func (r *receipt) add(partition int32, key string) bool {
	number, found := strings.CutPrefix(key, r.prefix)
	n, err := strconv.Atoi(number)
	if !found || err != nil || n < 0 || n >= len(r.seen) {
		return false
	}
	if r.seen[n] {
		r.note(fmt.Errorf("message %s came twice, the second time in partition %d: "+
			"it was written twice, or the topic holds two runs with this prefix: use another -prefix", key, partition))
		return false
	}
	if last, ok := r.last[partition]; ok && n < last {
		r.note(fmt.Errorf("message %s came after %s%d in partition %d: the order was lost", key, r.prefix, last, partition))
	}
	r.last[partition] = n
	r.seen[n] = true
	r.pending--
	return true
}

func (r *receipt) note(fault error) {
	if r.fault == nil {
		r.fault = fault
	}
}

func (r *receipt) complete() bool { return r.pending == 0 }

func (r *receipt) missing() string {
	for n, seen := range r.seen {
		if !seen {
			return fmt.Sprintf("%d of %d messages are missing, the first is %s%d,", r.pending, len(r.seen), r.prefix, n)
		}
	}
	return "no message is missing"
}

// tally counts what succeeded, from several goroutines.
type tally struct {
	mu       sync.Mutex
	count    int
	firstErr error
}

func (t *tally) add(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.count++
	} else if t.firstErr == nil {
		t.firstErr = err
	}
}

func (t *tally) result() (count int, firstErr error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.count, t.firstErr
}

// report writes the count now and then until stop is called.
func (t *tally) report(w io.Writer, verb string, total int) (stop func()) {
	stopped := make(chan struct{})
	var reporter sync.WaitGroup
	reporter.Go(func() {
		ticker := time.NewTicker(progressPeriod)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				count, _ := t.result()
				say(w, "%s %d of %d messages", verb, count, total)
			case <-stopped:
				return
			}
		}
	})
	return func() { close(stopped); reporter.Wait() }
}

// newClient starts from the advertised addresses: they were checked, while some
// of the bootstrap addresses may be dead.
func newClient(brokers []broker, more ...kgo.Opt) (*kgo.Client, error) {
	var addresses []string
	for _, b := range brokers {
		addresses = append(addresses, b.address)
	}
	return kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(addresses...),
		kgo.DialTimeout(dialTimeout),
		// The default of 5 s would be most of the time that a run takes when a
		// topic is new.
		kgo.MetadataMinAge(250 * time.Millisecond),
	}, more...)...)
}

// explain adds to the error of a run what is wrong with the cluster now, for
// a client reports a broker that went away only as a time-out.
func explain(ctx context.Context, err error, bootstrap []string) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return err // interrupted: that is the whole cause
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	_, cause := checkCluster(ctx, bootstrap)
	return errors.Join(err, cause)
}

// deleteTopic has its own time: it must also work when that of the run is up.
func deleteTopic(brokers []broker, topic string) error {
	ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
	defer cancel()
	client, err := newClient(brokers)
	if err != nil {
		return err
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).DeleteTopic(ctx, topic); err != nil {
		return fmt.Errorf("can't delete topic %s: %w: delete it by hand", topic, err)
	}
	return nil
}

func rounded(start time.Time) time.Duration { return time.Since(start).Round(time.Millisecond) }
