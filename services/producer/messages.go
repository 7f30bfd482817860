package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"swarm-platform/services/internal/cli"
	"swarm-platform/services/internal/kafka"
)

const (
	// progressPeriod is how long a run that gets on may be silent.
	progressPeriod = 2 * time.Second
	// faultPeriod is between two reports of one class of faults.
	faultPeriod = 10 * time.Second
	// cleanupTimeout is for what follows a run that has used up its own time.
	cleanupTimeout = 5 * time.Second
	// retryPause is between two tries of what the client doesn't retry itself.
	retryPause = 250 * time.Millisecond
	// linger and maxBufferedBytes are as of Kafka's own producer (linger.ms and
	// buffer.memory), so that the two can be compared.
	linger           = 5 * time.Millisecond
	maxBufferedBytes = 32 << 20
)

func runProduce(ctx context.Context, opts options, progress io.Writer) (string, error) {
	found, err := connect(ctx, opts, progress)
	if err != nil {
		return "", err
	}
	start := time.Now()
	acknowledged, err := produce(ctx, found, opts, progress)
	if err != nil {
		return "", explain(ctx, err, opts)
	}
	return fmt.Sprintf("produced %d of %d messages to topic %s with prefix %s in %s: all acknowledged by all in-sync replicas; %s",
		opts.count, opts.count, opts.topic, opts.prefix, rounded(start), acknowledged.measured(opts.size)), nil
}

func runConsume(ctx context.Context, opts options, progress io.Writer) (string, error) {
	found, err := connect(ctx, opts, progress)
	if err != nil {
		return "", err
	}
	start := time.Now()
	if err := consume(ctx, found, opts, progress); err != nil {
		return "", explain(ctx, err, opts)
	}
	return fmt.Sprintf("consumed %d of %d messages from topic %s with prefix %s in %s: complete, none twice, and in order in every partition",
		opts.count, opts.count, opts.topic, opts.prefix, rounded(start)), nil
}

func runRoundtrip(ctx context.Context, opts options, progress io.Writer) (_ string, err error) {
	found, err := connect(ctx, opts, progress)
	if err != nil {
		return "", err
	}
	start := time.Now()
	opts.prefix = fmt.Sprintf("%s-%s-%06x", opts.prefix, start.UTC().Format("20060102T150405"), rand.N(1<<24))
	if opts.topic == "" {
		opts.topic = "roundtrip-" + opts.prefix
		defer func() { err = errors.Join(err, deleteTopic(found, opts)) }()
	}
	if _, err := produce(ctx, found, opts, progress); err != nil {
		return "", explain(ctx, err, opts)
	}
	if err := consume(ctx, found, opts, progress); err != nil {
		return "", explain(ctx, err, opts)
	}
	return fmt.Sprintf("round trip of %d of %d messages through topic %s in %s: complete and in order; advertised brokers: %s",
		opts.count, opts.count, opts.topic, rounded(start), found), nil
}

// produce writes the messages and succeeds when each is acknowledged by all
// in-sync replicas.
func produce(ctx context.Context, found kafka.Cluster, opts options, progress io.Writer) (*tally, error) {
	acknowledged := newTally("acknowledged", opts.count)
	client, err := newClient(found, opts, &acknowledged.watch,
		kgo.RequiredAcks(kgo.AllISRAcks()), // with idempotence, franz-go's default: no duplicate, no change of order
		kgo.UnknownTopicRetries(-1),        // it exists, but brokers learn of a new topic one after another
		// A broker that is gone without a word is given up after 10 s, not 20.
		kgo.ProduceRequestTimeout(5*time.Second),
		kgo.RequestTimeoutOverhead(5*time.Second),
		kgo.ProducerLinger(linger),
		kgo.MaxBufferedBytes(maxBufferedBytes),
		kgo.MaxBufferedRecords(maxBufferedBytes),          // the bytes are the limit
		kgo.ProducerBatchCompression(kgo.NoCompression()), // -size is what is sent
	)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	if err := ensureTopic(ctx, client, opts.topic); err != nil {
		return nil, err
	}
	defer acknowledged.report(progress)()
	acknowledged.start = time.Now()
	filler := bytes.Repeat([]byte("swarm-platform "), opts.size/15+1)[:opts.size]
	for n := range opts.count {
		if !inTime(ctx, acknowledged.start, n, opts.rate) {
			break
		}
		written, value := time.Now(), filler
		if opts.size == 0 {
			value = []byte(written.Format(time.RFC3339Nano))
		}
		client.Produce(ctx, &kgo.Record{
			Topic: opts.topic,
			Key:   []byte(opts.prefix + "-" + strconv.Itoa(n)),
			Value: value,
		}, func(_ *kgo.Record, err error) { acknowledged.add(time.Since(written), err) })
	}
	client.Flush(ctx) // can only fail with ctx, whose end is looked at below
	acknowledged.took = time.Since(acknowledged.start)
	done, firstErr := acknowledged.result()
	if done == opts.count {
		return acknowledged, nil
	}
	if ctx.Err() != nil {
		firstErr = context.Cause(ctx)
	} else {
		firstErr = kafka.Plain(firstErr)
	}
	return nil, fmt.Errorf("%d of %d messages to topic %s were not acknowledged by all in-sync replicas: %w; %s",
		opts.count-done, opts.count, opts.topic, firstErr, acknowledged.retries())
}

// inTime waits until message n is due at this rate, and reports whether ctx
// goes on.
func inTime(ctx context.Context, start time.Time, n, rate int) bool {
	if rate > 0 {
		// In whole ticks, for a timer per message is too slow for a high rate.
		if early := time.Until(start.Add(time.Duration(n) * time.Second / time.Duration(rate))); early > time.Millisecond {
			select {
			case <-time.After(early):
			case <-ctx.Done():
			}
		}
	}
	return ctx.Err() == nil
}

// consume reads the topic from its beginning until every message has come, and
// then to its end. It fails if one came twice or out of order.
func consume(ctx context.Context, found kafka.Cluster, opts options, progress io.Writer) error {
	came := newTally("received", opts.count)
	client, err := newClient(found, opts, &came.watch, kgo.ConsumeTopics(opts.topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.KeepControlRecords()) // so that the end is reached where a transaction has the last word
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
	defer came.report(progress)()
	read := offsets{}
	for toEnd := (offsets)(nil); !received.complete() || !read.reached(toEnd); {
		if received.complete() && toEnd == nil {
			// Only now, because what is doubled may come after what was last.
			if toEnd, err = ends(ctx, client, opts.topic, &came.watch); err != nil {
				return fmt.Errorf("can't read topic %s to its end: %w", opts.topic, err)
			}
			continue
		}
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return errors.Join(fmt.Errorf("%s in topic %s: %w; %s", received.missing(), opts.topic, context.Cause(ctx), came.retries()), received.fault())
		}
		for _, fetch := range fetches.Errors() {
			if answer, ok := errors.AsType[*kerr.Error](fetch.Err); ok && !answer.Retriable {
				return fmt.Errorf("can't read topic %s: %w", opts.topic, kafka.Plain(fetch.Err))
			}
			came.watch.Note(fetch.Err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			read[r.Partition] = r.Offset + 1
			if received.add(r.Partition, string(r.Key)) {
				came.add(0, nil)
			}
		})
	}
	return received.fault()
}

// offsets are the next ones, by partition.
type offsets map[int32]int64

// reached is false if there is no end yet.
func (o offsets) reached(end offsets) bool {
	if end == nil {
		return false
	}
	for partition, offset := range end {
		if o[partition] < offset {
			return false
		}
	}
	return true
}

// ends returns the ends of the partitions that hold anything, and waits for the
// brokers that know them.
func ends(ctx context.Context, client *kgo.Client, topic string, watch *kafka.Watch) (offsets, error) {
	for {
		found, err := tryEnds(ctx, kadm.NewClient(client), topic)
		if err == nil {
			return found, nil
		}
		watch.Note(err)
		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), kafka.Plain(err))
		}
	}
}

func tryEnds(ctx context.Context, admin *kadm.Client, topic string) (offsets, error) {
	starts, err := admin.ListStartOffsets(ctx, topic)
	if err := errors.Join(err, starts.Error()); err != nil {
		return nil, err
	}
	ends, err := admin.ListEndOffsets(ctx, topic)
	if err := errors.Join(err, ends.Error()); err != nil {
		return nil, err
	}
	found := offsets{}
	ends.Each(func(end kadm.ListedOffset) {
		if start, ok := starts.Lookup(topic, end.Partition); ok && start.Offset < end.Offset {
			found[end.Partition] = end.Offset
		}
	})
	return found, nil
}

// receipt checks which messages of a run have come.
type receipt struct {
	prefix  string
	seen    []bool
	pending int
	last    map[int32]int // number of the last message, by partition

	doubled, disordered           int
	firstDoubled, firstDisordered string
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
		if r.doubled++; r.doubled == 1 {
			r.firstDoubled = fmt.Sprintf("message %s came twice, the second time in partition %d", key, partition)
		}
		return false
	}
	if last, ok := r.last[partition]; ok && n < last {
		if r.disordered++; r.disordered == 1 {
			r.firstDisordered = fmt.Sprintf("message %s came after %s%d in partition %d", key, r.prefix, last, partition)
		}
	}
	r.last[partition] = n
	r.seen[n] = true
	r.pending--
	return true
}

// fault is about what came, not about what is missing.
func (r *receipt) fault() error {
	var faults []error
	if r.doubled > 0 {
		faults = append(faults, fmt.Errorf("%s (%d doubled in all): written twice, or the topic holds two runs with this prefix: use another -prefix", r.firstDoubled, r.doubled))
	}
	if r.disordered > 0 {
		faults = append(faults, fmt.Errorf("%s (%d out of order in all): the order was lost", r.firstDisordered, r.disordered))
	}
	return errors.Join(faults...)
}

func (r *receipt) complete() bool { return r.pending == 0 }

// missing names the first gaps.
func (r *receipt) missing() string {
	const named = 3
	var gaps []string
	for n := 0; n < len(r.seen); n++ {
		if r.seen[n] {
			continue
		}
		first := n
		for n+1 < len(r.seen) && !r.seen[n+1] {
			n++
		}
		if len(gaps) == named {
			gaps = append(gaps, "and more")
			break
		}
		gap := r.prefix + strconv.Itoa(first)
		if n > first {
			gap += " to " + r.prefix + strconv.Itoa(n)
		}
		gaps = append(gaps, gap)
	}
	return fmt.Sprintf("%d of %d messages are missing (%s)", r.pending, len(r.seen), strings.Join(gaps, ", "))
}

// tally counts what succeeded, from several goroutines, and watches the client
// that does it.
type tally struct {
	verb        string
	total       int
	watch       kafka.Watch
	start       time.Time
	took        time.Duration
	mu          sync.Mutex
	count       int
	latenciesUs []uint32
	firstErr    error
}

func newTally(verb string, total int) *tally { return &tally{verb: verb, total: total} }

func (t *tally) add(latency time.Duration, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.count++
		t.latenciesUs = append(t.latenciesUs, uint32(min(latency.Microseconds(), 1<<32-1)))
	} else if t.firstErr == nil {
		t.firstErr = err
	}
}

func (t *tally) result() (count int, firstErr error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.count, t.firstErr
}

// measured says how fast messages of this size were acknowledged, and how long
// that took from the moment at which each was to be written. The size is unknown
// if it is 0.
func (t *tally) measured(size int) string {
	rate := float64(t.count) / t.took.Seconds()
	text := fmt.Sprintf("%.0f records/s", rate)
	if size > 0 {
		text += fmt.Sprintf(", %.2f MiB/s", rate*float64(size)/(1<<20))
	}
	slices.Sort(t.latenciesUs)
	percentile := func(percent int) time.Duration {
		return time.Duration(t.latenciesUs[(len(t.latenciesUs)-1)*percent/100]) * time.Microsecond
	}
	return fmt.Sprintf("%s; latency p50 %s, p99 %s, max %s; %s", text, percentile(50), percentile(99), percentile(100), t.retries())
}

// retries says what went wrong on the way, by class.
func (t *tally) retries() string {
	faults := t.watch.Faults()
	if len(faults) == 0 {
		return "no retries"
	}
	var classes []string
	for _, class := range slices.Sorted(maps.Keys(faults)) {
		classes = append(classes, fmt.Sprintf("%s %d", class, faults[class].Count))
	}
	return "retries: " + strings.Join(classes, ", ")
}

// report writes the count now and then until stop is called, and what is being
// retried, each class of faults once in a faultPeriod.
func (t *tally) report(w io.Writer) (stop func()) {
	stopped := make(chan struct{})
	var reporter sync.WaitGroup
	reporter.Go(func() {
		ticker := time.NewTicker(progressPeriod)
		defer ticker.Stop()
		reported, told := 0, map[string]time.Time{}
		var before map[string]kafka.Faults
		for {
			select {
			case now := <-ticker.C:
				if count, _ := t.result(); count != reported {
					cli.Say(w, "%s %d of %d messages", t.verb, count, t.total)
					reported = count
				}
				faults := t.watch.Faults()
				for class, fault := range faults {
					if fault.Count > before[class].Count && now.Sub(told[class]) >= faultPeriod {
						cli.Say(w, "retrying, %d times so far: %s", fault.Count, fault.Last)
						told[class] = now
					}
				}
				before = faults
			case <-stopped:
				return
			}
		}
	})
	return func() { close(stopped); reporter.Wait() }
}

// newClient starts from the advertised addresses, those that answered first,
// since some of the bootstrap addresses may be dead.
func newClient(found kafka.Cluster, opts options, watch *kafka.Watch, more ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(slices.Concat([]kgo.Opt{
		kgo.SeedBrokers(found.Addresses()...),
		kgo.DialTimeout(kafka.DialTimeout),
		// The default of 5 s would be most of the time that a run takes when a
		// topic is new.
		kgo.MetadataMinAge(250 * time.Millisecond),
	}, opts.access.Security, watch.Options(), more)...)
}

// explain adds to the error of a run what is wrong with the cluster now, for
// a client reports a broker that went away only as a time-out.
func explain(ctx context.Context, err error, opts options) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return err // interrupted: that is the whole cause
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	found, cause := kafka.LookAt(ctx, opts.access)
	if cause == nil {
		cause = found.Faults()
	}
	return errors.Join(err, cause)
}

// deleteTopic has its own time: it must also work when that of the run is up.
func deleteTopic(found kafka.Cluster, opts options) error {
	ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
	defer cancel()
	client, err := newClient(found, opts, &kafka.Watch{})
	if err != nil {
		return err
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).DeleteTopic(ctx, opts.topic); err != nil {
		return fmt.Errorf("can't delete topic %s: %w: delete it by hand", opts.topic, kafka.Plain(err))
	}
	return nil
}

func rounded(start time.Time) time.Duration { return time.Since(start).Round(time.Millisecond) }
