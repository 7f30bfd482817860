package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Classes of faults, as users see them.
const (
	ClassDNS        = "DNS"
	ClassConnect    = "connect"
	ClassTimeout    = "time-out"
	ClassTLS        = "TLS"
	ClassAuth       = "auth"
	ClassPermission = "permission"
	ClassLeader     = "not leader"
	ClassReplicas   = "in-sync replicas"
	ClassTopic      = "topic"
	ClassSequence   = "sequence"
	ClassOther      = "other"
)

// Explain says what an error of a client means and what to look at: its class,
// and a text in plain words.
func Explain(err error) (class, text string) {
	if class, text := explainAnswer(err); class != "" {
		return class, text
	}
	var noName *net.DNSError
	var timedOut net.Error
	var certificate *tls.CertificateVerificationError
	var notTLS tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case errors.As(err, &noName):
		return ClassDNS, fmt.Sprintf("the name %s can't be resolved: check its spelling, that this program is on the network that knows it, and that the broker runs", noName.Name)
	case errors.As(err, &certificate):
		return ClassTLS, fmt.Sprintf("the broker's certificate is refused: %v: check the CA file, and that the certificate is for the address that the broker advertises", certificate.Err)
	case errors.As(err, &notTLS), errors.As(err, &alert):
		return ClassTLS, fmt.Sprintf("no TLS session with the broker: %v: is that a TLS listener?", err)
	case strings.Contains(err.Error(), "invalid large response size"): // franz-go has no type for it
		return ClassConnect, "what answers there does not speak Kafka's protocol: an HTTP server, a proxy, or a listener that wants TLS?"
	case errors.Is(err, syscall.ECONNREFUSED):
		return ClassConnect, "connection refused: nothing listens there (any more, or yet)"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return ClassConnect, "there is no route to that address from this network"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return ClassConnect, "the connection was accepted and then closed: does that Kafka listener want the same as this program (plain text, TLS, user and password), and has Kafka started?"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errors.As(err, &timedOut) && timedOut.Timeout():
		return ClassTimeout, "no answer: a firewall may drop the packets, nothing has that address, or what listens there is stuck"
	}
	return ClassOther, err.Error()
}

// explainAnswer is for what a broker answered.
func explainAnswer(err error) (class, text string) {
	answer, ok := errors.AsType[*kerr.Error](err)
	if !ok {
		return "", ""
	}
	switch answer {
	case kerr.SaslAuthenticationFailed:
		return ClassAuth, "user or password are refused: check both, and that the broker has the user with SCRAM-SHA-512 credentials"
	case kerr.UnsupportedSaslMechanism, kerr.IllegalSaslState:
		return ClassAuth, "the listener does not take SCRAM-SHA-512: use another listener, or enable it there (sasl.enabled.mechanisms)"
	case kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.GroupAuthorizationFailed, kerr.TransactionalIDAuthorizationFailed:
		return ClassPermission, answer.Message + ": this user may not do that: look at the ACLs"
	case kerr.NotLeaderForPartition, kerr.LeaderNotAvailable, kerr.FencedLeaderEpoch, kerr.UnknownLeaderEpoch, kerr.ReplicaNotAvailable:
		return ClassLeader, answer.Message + ": the partition has no leader, or a new one: its brokers are down or just changed"
	case kerr.NotEnoughReplicas, kerr.NotEnoughReplicasAfterAppend:
		return ClassReplicas, answer.Message + ": fewer brokers hold the partition than min.insync.replicas demands: bring the others back"
	case kerr.RequestTimedOut:
		return ClassTimeout, answer.Message + ": the broker answers, but not all in-sync replicas confirmed in time"
	case kerr.UnknownTopicOrPartition, kerr.UnknownTopicID:
		return ClassTopic, answer.Message + ": the topic does not exist (yet), or was deleted and made again"
	case kerr.OutOfOrderSequenceNumber, kerr.UnknownProducerID, kerr.InvalidProducerEpoch:
		return ClassSequence, answer.Message + ": the broker lost track of this producer: acknowledged messages may be gone, read them back"
	}
	return ClassOther, answer.Error()
}

// InPlainWords is the class and the text of Explain in one.
func InPlainWords(err error) string {
	if errors.Is(err, context.Canceled) {
		return "interrupted"
	}
	class, text := Explain(err)
	if class == ClassOther {
		return text
	}
	return class + ": " + text
}

// Plain is an error that is told in plain words and still is what it was.
func Plain(err error) error { return plain{err} }

type plain struct{ error }

func (p plain) Error() string { return InPlainWords(p.error) }
func (p plain) Unwrap() error { return p.error }
