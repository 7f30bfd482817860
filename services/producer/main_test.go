package main

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"swarm-platform/services/internal/kafkatest"
)

var producer = kafkatest.Program(run)

// succeed expects exit code 0, one line on stdout and nothing on stderr.
func succeed(t *testing.T, args ...string) (line string) {
	t.Helper()
	code, stdout, stderr := producer.Invoke(t, args...)
	if code != exitOK || stderr != "" || strings.Count(stdout, "\n") != 1 {
		t.Fatalf("%v: exit code %d, stdout %q, stderr %q", args, code, stdout, stderr)
	}
	return stdout
}

func TestProduceThenConsume(t *testing.T) {
	cluster := kafkatest.NewCluster(t, kfake.SeedTopics(4, "orders"))
	brokers := strings.Join(cluster.ListenAddrs(), ",")
	for _, topic := range []string{"orders", "made-by-produce"} {
		produced := succeed(t, "produce", "--brokers", brokers, "--topic", topic, "--count", "5000")
		if !strings.Contains(produced, "produced 5000 of 5000 messages to topic "+topic) {
			t.Errorf("summary %q", produced)
		}
		// Messages of another run don't disturb.
		succeed(t, "produce", "--brokers", brokers, "--topic", topic, "--count", "7", "--prefix", "other")
		for _, run := range [][]string{{"--count", "5000"}, {"--count", "7", "--prefix", "other"}} {
			consumed := succeed(t, append([]string{"consume", "--brokers", brokers, "--topic", topic}, run...)...)
			if !strings.Contains(consumed, "complete, none twice, and in order in every partition") {
				t.Errorf("summary %q", consumed)
			}
		}
	}
}

func TestCreatedTopicHasOnePartition(t *testing.T) {
	cluster := kafkatest.NewCluster(t)
	address := cluster.ListenAddrs()[0]
	succeed(t, "produce", "--brokers", address, "--topic", "new", "--count", "1")
	topics := listTopics(t, address)
	if len(topics["new"].Partitions) != 1 {
		t.Errorf("topics %v", topics)
	}
}

func TestRoundtrip(t *testing.T) {
	cluster := kafkatest.NewCluster(t, kfake.NumBrokers(3))
	address := cluster.ListenAddrs()[0]
	line := succeed(t, "roundtrip", "--brokers", address, "--count", "1000")
	for _, want := range append(cluster.ListenAddrs(), "1000 of 1000 messages", "complete and in order") {
		if !strings.Contains(line, want) {
			t.Errorf("summary %q does not have %q", line, want)
		}
	}
	if topics := listTopics(t, address); len(topics) != 0 {
		t.Errorf("topics were left: %v", topics)
	}
	// A topic that the user names is kept, and takes any number of runs.
	for range 2 {
		succeed(t, "roundtrip", "--brokers", address, "--topic", "kept", "--count", "10")
	}
	if topics := listTopics(t, address); !topics.Has("kept") {
		t.Errorf("the topic is gone: %v", topics)
	}
}

func TestOneDeadBootstrapAddressIsNoFault(t *testing.T) {
	cluster := kafkatest.NewCluster(t, kfake.NumBrokers(1))
	succeed(t, "roundtrip", "--brokers", kafkatest.Refusing(t)+","+cluster.ListenAddrs()[0], "--count", "1")
}

func TestConsumeFaults(t *testing.T) {
	cluster := kafkatest.NewCluster(t, kfake.NumBrokers(1))
	address := cluster.ListenAddrs()[0]
	producer.Fail(t, "topic absent does not exist: write to it first", "consume", "--brokers", address, "--topic", "absent")

	succeed(t, "produce", "--brokers", address, "--topic", "short", "--count", "9")
	producer.Fail(t, "1 of 10 messages are missing \\(message-9\\) in topic short: not done within 300ms",
		"consume", "--brokers", address, "--topic", "short", "--count", "10", "--timeout", "300ms")
}

func TestNotAcknowledgedMessagesFail(t *testing.T) {
	cluster := kafkatest.NewCluster(t, kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	produce := []string{"produce", "--brokers", cluster.ListenAddrs()[0], "--topic", "t", "--count", "10", "--timeout", "500ms"}

	denied := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.TopicAuthorizationFailed, Count: -1})
	producer.Fail(t, "10 of 10 messages to topic t were not acknowledged by all in-sync replicas: permission: TOPIC_AUTHORIZATION_FAILED", produce...)
	denied.Remove()

	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: -1})
	start := time.Now()
	producer.Fail(t, "10 of 10 messages to topic t were not acknowledged by all in-sync replicas: not done within 500ms", produce...)
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %s with a time limit of 500ms", took)
	}
}

func TestConnectionFaults(t *testing.T) {
	for name, test := range map[string]struct{ address, want string }{
		"refused":   {kafkatest.Refusing(t), "can't reach broker 127.0.0.1:[0-9]+: connect: connection refused"},
		"DNS":       {"kafka.invalid:9092", "can't reach broker kafka.invalid:9092: DNS: the name kafka.invalid can't be resolved"},
		"silent":    {kafkatest.Silent(t), "can't reach broker .*: time-out: no answer"},
		"closing":   {kafkatest.Greeting(t, ""), "can't reach broker .*: connect: the connection was accepted and then closed"},
		"not Kafka": {kafkatest.Greeting(t, "HTTP/1.1 400 Bad Request\r\n"), "can't reach broker .*: connect: what answers there does not speak Kafka's protocol"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			producer.Fail(t, test.want, "roundtrip", "--brokers", test.address, "--timeout", "1s")
		})
	}
}

// A broker that is reached at first, but tells its clients to use an address
// that they can't reach.
func TestUnreachableAdvertisedAddress(t *testing.T) {
	for name, test := range map[string]struct{ advertised, want string }{
		"refused": {kafkatest.Refusing(t), "connect: connection refused"},
		"DNS":     {"inside-the-container.invalid:9092", "DNS: the name inside-the-container.invalid can't be resolved"},
		"silent":  {kafkatest.Silent(t), "time-out: no answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var bootstrap string
			kafkatest.NewCluster(t, kfake.NumBrokers(1), kfake.ListenFn(func(network, address string) (net.Listener, error) {
				listener, err := net.Listen(network, address)
				if err != nil {
					return nil, err
				}
				bootstrap = listener.Addr().String()
				return kafkatest.Advertising{Listener: listener, Address: test.advertised}, nil
			}))
			producer.Fail(t, "bootstrap at "+bootstrap+" worked, but broker 0 advertises "+test.advertised+
				", which can't be reached from here: "+test.want+".*KAFKA_ADVERTISED_LISTENERS",
				"roundtrip", "--brokers", bootstrap, "--timeout", "1s")
		})
	}
}

func TestInterruptEndsAtOnce(t *testing.T) {
	cluster := kafkatest.NewCluster(t, kfake.NumBrokers(1), kfake.SeedTopics(1, "empty"))
	ctx, interrupt := context.WithCancel(t.Context())
	time.AfterFunc(300*time.Millisecond, interrupt)
	start := time.Now()
	var out, faults strings.Builder
	code := run(ctx, []string{"consume", "--brokers", cluster.ListenAddrs()[0], "--topic", "empty"}, &out, &faults)
	if took := time.Since(start); code != exitFailed || took > 2*time.Second {
		t.Errorf("exit code %d after %s, stderr %q", code, took, faults.String())
	}
}

func TestUsage(t *testing.T) {
	t.Setenv("PRODUCER_COUNT", "")
	for _, help := range []string{"-h", "--help", "help"} {
		code, stdout, _ := producer.Invoke(t, help)
		for _, want := range []string{"-brokers", "PRODUCER_BROKERS", "-timeout", "default 30s", "roundtrip", "TZ"} {
			if code != exitOK || !strings.Contains(stdout, want) {
				t.Errorf("%s: exit code %d, no %q in %q", help, code, want, stdout)
			}
		}
	}
	for _, test := range []struct {
		args []string
		want []string
	}{
		{nil, []string{"command is missing"}},
		{[]string{"prodce"}, []string{`"prodce" is not known`, "produce, consume or roundtrip"}},
		{[]string{"produce"}, []string{`broker "" is not host:port`, `topic "" is not allowed`, "PRODUCER_BROKERS"}},
		{[]string{"roundtrip", "--brokers", "a:1,b"}, []string{`broker "b" is not host:port`}},
		{[]string{"consume", "--brokers", "a:1", "--topic", "a b"}, []string{`topic "a b" is not allowed`}},
		{[]string{"produce", "--count", "0"}, []string{"-count", "1 to 10000000 is allowed"}},
		{[]string{"produce", "--timeout", "5"}, []string{"-timeout", "a duration from 100ms to 1h0m0s is allowed"}},
		{[]string{"produce", "now"}, []string{`unexpected argument "now"`}},
		{[]string{"roundtrip", "--brokers", "a:1", "--user", "u"}, []string{"user and password are needed both", "PRODUCER_PASSWORD"}},
		{[]string{"roundtrip", "--brokers", "a:1", "--password-file", "/absent"}, []string{"can't read the password", "PRODUCER_PASSWORD_FILE"}},
		{[]string{"roundtrip", "--brokers", "a:1", "--ca-file", "/absent"}, []string{"can't read the CA file", "PRODUCER_CA_FILE"}},
		{[]string{"roundtrip", "--brokers", "a:1", "--ca-file", "main.go"}, []string{`CA file "main.go" has no certificate in PEM form`}},
	} {
		code, stdout, stderr := producer.Invoke(t, test.args...)
		if code != exitUsage || stdout != "" {
			t.Errorf("%v: exit code %d, stdout %q", test.args, code, stdout)
		}
		for _, want := range test.want {
			if !strings.Contains(stderr, want) {
				t.Errorf("%v: no %q in %q", test.args, want, stderr)
			}
		}
	}
}

func TestEnvironmentInsteadOfFlags(t *testing.T) {
	cluster := kafkatest.NewCluster(t, kfake.NumBrokers(1))
	t.Setenv("PRODUCER_BROKERS", cluster.ListenAddrs()[0])
	t.Setenv("PRODUCER_COUNT", "3")
	if line := succeed(t, "roundtrip"); !strings.Contains(line, "3 of 3 messages") {
		t.Errorf("summary %q", line)
	}
}

func TestReceipt(t *testing.T) {
	type message struct {
		partition int32
		key       string
	}
	for name, test := range map[string]struct {
		messages []message
		want     []string // faults, none if empty
		missing  string   // empty if complete
	}{
		"in order":              {[]message{{0, "p-0"}, {0, "p-1"}, {0, "p-2"}}, nil, ""},
		"partitions interleave": {[]message{{1, "p-2"}, {0, "p-0"}, {0, "p-1"}}, nil, ""},
		"others are ignored":    {[]message{{0, "x-0"}, {0, "p-3"}, {0, "p-"}, {0, "p--1"}, {0, ""}}, nil, "3 of 3 messages are missing (p-0 to p-2)"},
		"twice": {[]message{{0, "p-0"}, {0, "p-0"}, {1, "p-0"}},
			[]string{"message p-0 came twice, the second time in partition 0 (2 doubled in all)"}, "2 of 3 messages are missing (p-1 to p-2)"},
		"gap": {[]message{{0, "p-0"}, {0, "p-2"}}, nil, "1 of 3 messages are missing (p-1)"},
		"out of order and twice": {[]message{{0, "p-1"}, {0, "p-0"}, {0, "p-2"}, {0, "p-1"}},
			[]string{"message p-0 came after p-1 in partition 0 (1 out of order in all)", "message p-1 came twice"}, ""},
	} {
		r := newReceipt("p", 3)
		for _, m := range test.messages {
			r.add(m.partition, m.key)
		}
		if complete := test.missing == ""; r.complete() != complete || !complete && r.missing() != test.missing {
			t.Errorf("%s: complete %v, missing %q", name, r.complete(), r.missing())
		}
		fault := fmt.Sprint(r.fault())
		if len(test.want) == 0 && r.fault() != nil {
			t.Errorf("%s: fault %s", name, fault)
		}
		for _, want := range test.want {
			if !strings.Contains(fault, want) {
				t.Errorf("%s: fault %q, want %q", name, fault, want)
			}
		}
	}
	many := newReceipt("p", 10)
	for n := 1; n < 10; n += 2 {
		many.add(0, fmt.Sprintf("p-%d", n))
	}
	if want := "5 of 10 messages are missing (p-0, p-2, p-4, and more)"; many.missing() != want {
		t.Errorf("missing %q", many.missing())
	}
}

func listTopics(t *testing.T, address string) kadm.TopicDetails {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(address))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	topics, err := kadm.NewClient(client).ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return topics
}
