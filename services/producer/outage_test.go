package main

import (
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"swarm-platform/services/internal/kafkatest"
)

// awaitWritten waits until topic t holds this many messages.
func awaitWritten(t *testing.T, cluster *kfake.Cluster, count int64) {
	t.Helper()
	for deadline := time.Now().Add(kafkatest.Patience); ; time.Sleep(5 * time.Millisecond) {
		var written int64
		for _, partition := range cluster.PartitionInfos("t") {
			written += partition.HighWatermark
		}
		if written >= count {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d messages were written, %d expected", written, count)
		}
	}
}

// The only broker goes away while messages are written, and while they are
// read: nothing is lost, doubled or out of order.
func TestOutage(t *testing.T) {
	address := kafkatest.Refusing(t)
	_, number, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(number)
	if err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	start := func() *kfake.Cluster {
		return kafkatest.NewCluster(t, kfake.NumBrokers(1), kfake.Ports(port), kfake.DataDir(data), kfake.SeedTopics(2, "t"))
	}
	cluster := start()
	consuming := producer.Begin(t, "consume", "--brokers", address, "--topic", "t", "--count", "2000", "--timeout", "2m")
	producing := producer.Begin(t, "produce", "--brokers", address, "--topic", "t", "--count", "2000", "--rate", "1000", "--timeout", "2m")
	awaitWritten(t, cluster, 200)
	cluster.Close()
	producing.Expect("retrying, [0-9]+ times so far: connect: connection refused")
	cluster = start()
	awaitWritten(t, cluster, 1500)
	cluster.Close()
	start()
	if summary := producing.Succeed(); !strings.Contains(summary, "produced 2000 of 2000") || !strings.Contains(summary, "retries: connect ") {
		t.Errorf("summary %q", summary)
	}
	consuming.Succeed()
	succeed(t, "consume", "--brokers", address, "--topic", "t", "--count", "2000")
}

// What brokers answer while others are missing is retried and reported, once.
func TestRetriedAnswers(t *testing.T) {
	for _, test := range []struct {
		answer *kerr.Error
		class  string
	}{
		{kerr.NotEnoughReplicas, "in-sync replicas"},
		{kerr.NotEnoughReplicasAfterAppend, "in-sync replicas"}, // written all the same
		{kerr.NotLeaderForPartition, "not leader"},
		{kerr.RequestTimedOut, "time-out"}, // written all the same
	} {
		t.Run(test.answer.Message, func(t *testing.T) {
			t.Parallel()
			cluster := kafkatest.NewCluster(t, kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
			address := cluster.ListenAddrs()[0]
			fault := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: test.answer, Count: -1})
			producing := producer.Begin(t, "produce", "--brokers", address, "--topic", "t", "--count", "100", "--timeout", "1m")
			producing.Expect("retrying, [0-9]+ times so far: " + test.class + ": " + test.answer.Message)
			fault.Remove()
			if summary := producing.Succeed(); !regexp.MustCompile("retries: " + test.class + " [0-9]+\n").MatchString(summary) {
				t.Errorf("summary %q", summary)
			}
			if reports := strings.Count(producing.Stderr.String(), "retrying"); reports != 1 {
				t.Errorf("%d reports: %s", reports, producing.Stderr.String())
			}
			succeed(t, "consume", "--brokers", address, "--topic", "t", "--count", "100")
		})
	}
}

// The leader of the partition moves, and then its broker leaves for good.
func TestMovedLeader(t *testing.T) {
	cluster := kafkatest.NewCluster(t, kfake.NumBrokers(3), kfake.SeedTopics(1, "t"))
	brokers := strings.Join(cluster.ListenAddrs(), ",")
	producing := producer.Begin(t, "produce", "--brokers", brokers, "--topic", "t", "--count", "2000", "--rate", "2000")
	awaitWritten(t, cluster, 100)
	for node := range int32(3) {
		if err := cluster.MoveTopicPartition("t", 0, node); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err := cluster.RemoveNode(cluster.LeaderFor("t", 0)); err != nil {
		t.Fatal(err)
	}
	producing.Succeed()
	succeed(t, "consume", "--brokers", brokers, "--topic", "t", "--count", "2000")
}

// What is doubled after the last message counts too.
func TestDoubledAndMissingMessagesAreFound(t *testing.T) {
	cluster := kafkatest.NewCluster(t, kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	address := cluster.ListenAddrs()[0]
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.DefaultProduceTopic("t"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	write := func(prefix string, numbers ...int) {
		for _, n := range numbers {
			if err := client.ProduceSync(t.Context(), &kgo.Record{Key: fmt.Appendf(nil, "%s-%d", prefix, n)}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	consume := func(prefix string) []string {
		return []string{"consume", "--brokers", address, "--topic", "t", "--prefix", prefix, "--count", "3", "--timeout", "1s"}
	}
	write("doubled", 0, 1, 2, 2)
	producer.Fail(t, `message doubled-2 came twice, the second time in partition 0 \(1 doubled in all\)`, consume("doubled")...)
	write("gap", 0, 2)
	producer.Fail(t, `1 of 3 messages are missing \(gap-1\)`, consume("gap")...)
	write("disordered", 1, 0, 2)
	producer.Fail(t, `message disordered-0 came after disordered-1`, consume("disordered")...)
}

func TestSizeAndRate(t *testing.T) {
	cluster := kafkatest.NewCluster(t, kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	address := cluster.ListenAddrs()[0]
	start := time.Now()
	summary := succeed(t, "produce", "--brokers", address, "--topic", "t", "--count", "500", "--size", "100", "--rate", "1000")
	if took := time.Since(start); took < 450*time.Millisecond {
		t.Errorf("took %s", took)
	}
	if !regexp.MustCompile(`; [0-9]+ records/s, 0\.[0-9]{2} MiB/s; latency p50 [0-9.]+(µs|ms|s), p99 [0-9.]+(µs|ms|s), max [0-9.]+(µs|ms|s); no retries\n`).MatchString(summary) {
		t.Errorf("summary %q", summary)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.ConsumeTopics("t"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	client.PollFetches(t.Context()).EachRecord(func(r *kgo.Record) {
		if len(r.Value) != 100 {
			t.Fatalf("a value of %d bytes", len(r.Value))
		}
	})
}

func TestMeasured(t *testing.T) {
	acknowledged := newTally("acknowledged", 100)
	for n := range 100 { // 1 to 100 ms, the longest first
		acknowledged.add(time.Duration(100-n)*time.Millisecond, nil)
	}
	acknowledged.took = 2 * time.Second
	const want = "50 records/s, 0.05 MiB/s; latency p50 50ms, p99 99ms, max 100ms; no retries"
	if got := acknowledged.measured(1 << 10); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
