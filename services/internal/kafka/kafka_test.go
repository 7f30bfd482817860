package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"swarm-platform/services/internal/kafka"
)

func TestExplain(t *testing.T) {
	for _, test := range []struct {
		err         error
		class, text string
	}{
		{&net.OpError{Op: "dial", Err: &net.DNSError{Name: "kafka-1", IsNotFound: true}}, kafka.ClassDNS, "the name kafka-1 can't be resolved"},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, kafka.ClassConnect, "refused"},
		{&net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH}, kafka.ClassConnect, "no route"},
		{io.ErrUnexpectedEOF, kafka.ClassConnect, "accepted and then closed"},
		{context.DeadlineExceeded, kafka.ClassTimeout, "no answer"},
		{fmt.Errorf("wrapped: %w", kerr.SaslAuthenticationFailed), kafka.ClassAuth, "user or password"},
		{kerr.UnsupportedSaslMechanism, kafka.ClassAuth, "SCRAM-SHA-512"},
		{kerr.TopicAuthorizationFailed, kafka.ClassPermission, "ACLs"},
		{kerr.NotLeaderForPartition, kafka.ClassLeader, "leader"},
		{kerr.NotEnoughReplicas, kafka.ClassReplicas, "min.insync.replicas"},
		{kerr.RequestTimedOut, kafka.ClassTimeout, "in-sync replicas"},
		{kerr.UnknownTopicOrPartition, kafka.ClassTopic, "does not exist"},
		{kerr.OutOfOrderSequenceNumber, kafka.ClassSequence, "read them back"},
		{kerr.InvalidRecord, kafka.ClassOther, "INVALID_RECORD"},
		{errors.New("what else"), kafka.ClassOther, "what else"},
	} {
		class, text := kafka.Explain(test.err)
		if class != test.class || !strings.Contains(text, test.text) {
			t.Errorf("%v: %s: %s", test.err, class, text)
		}
	}
	for err, want := range map[error]string{context.Canceled: "interrupted", io.EOF: "connect: the conn", kerr.InvalidRecord: "INVALID_RECORD"} {
		if got := kafka.InPlainWords(err); !strings.HasPrefix(got, want) {
			t.Errorf("%v: %s", err, got)
		}
	}
}

func TestWatch(t *testing.T) {
	start := time.Now()
	var w kafka.Watch
	for _, none := range []error{nil, context.Canceled, kgo.ErrClientClosed, net.ErrClosed, repeated{}} {
		w.Note(none)
	}
	if len(w.Faults()) != 0 || w.Last(start) != "" {
		t.Errorf("faults %v, last %q", w.Faults(), w.Last(start))
	}
	w.OnBrokerConnect(kgo.BrokerMetadata{}, 0, nil, io.EOF)
	w.OnBrokerE2E(kgo.BrokerMetadata{}, 0, kgo.BrokerE2E{ReadErr: io.EOF})
	w.Log(kgo.LogLevelDebug, "produced", "broker", "1", "to",
		"t[0{retrying@-1,10(NOT_ENOUGH_REPLICAS: Messages are rejected.)}, 1{0=>5}, 2{move:2:1@3,4}]")
	w.Log(kgo.LogLevelWarn, "load error", "err", fmt.Errorf("x: %w", kerr.LeaderNotAvailable))
	w.Log(kgo.LogLevelWarn, "unable to dial", "err", io.EOF) // which a hook tells
	w.Log(kgo.LogLevelDebug, "other", "to", "retrying@1(NOT_ENOUGH_REPLICAS: x)")
	got := w.Faults()
	if len(got) != 3 || got[kafka.ClassConnect].Count != 2 || got[kafka.ClassReplicas].Count != 1 || got[kafka.ClassLeader].Count != 2 {
		t.Errorf("faults %v", got)
	}
	if last := w.Last(start); !strings.HasPrefix(last, "not leader: LEADER_NOT_AVAILABLE") || w.Last(time.Now()) != "" {
		t.Errorf("last %q", last)
	}
}

// repeated is as franz-go's own error for a request that it will repeat.
type repeated struct{}

func (repeated) Error() string   { return "the broker connection has died" }
func (repeated) Temporary() bool { return true }

func TestAddresses(t *testing.T) {
	got, faults := kafka.Addresses("a:1, b:2")
	if !slices.Equal(got, []string{"a:1", "b:2"}) || faults != nil {
		t.Errorf("%v, faults %v", got, faults)
	}
	if _, faults := kafka.Addresses("a,b:1,:2"); len(faults) != 2 {
		t.Errorf("faults %v", faults)
	}
}

func TestCheckTopic(t *testing.T) {
	for topic, valid := range map[string]bool{"account.viewed": true, "": false, "a b": false, strings.Repeat("x", 250): false} {
		if err := kafka.CheckTopic(topic); (err == nil) != valid {
			t.Errorf("%q: %v", topic, err)
		}
	}
}
