package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// dialTimeout bounds name resolution and connection to one broker.
	dialTimeout = 4 * time.Second
	// answerTimeout adds the first answer. It is the longer one, so that a fault
	// of DNS is reported as such.
	answerTimeout = 5 * time.Second
)

// broker is one that the cluster told its clients to use.
type broker struct {
	id      int32
	address string // as advertised
}

func (b broker) String() string { return fmt.Sprintf("%d=%s", b.id, b.address) }

// checkCluster asks one of the bootstrap addresses for the cluster's brokers and
// then each of those, at the address that it advertises. It doesn't retry: its
// use is to name the fault at once that the Kafka protocol hides, a cluster
// that can be reached at first and then not.
func checkCluster(ctx context.Context, bootstrap []string) ([]broker, error) {
	var (
		brokers []broker
		entry   string
		faults  []error
	)
	for _, address := range bootstrap {
		found, err := askForBrokers(ctx, address)
		if err == nil {
			brokers, entry = found, address
			break
		}
		faults = append(faults, fmt.Errorf("can't reach broker %s: %s", address, inPlainWords(err)))
	}
	if entry == "" {
		return nil, errors.Join(faults...)
	}
	if len(brokers) == 0 {
		return nil, fmt.Errorf("%s answered, but its cluster has no broker yet: wait until Kafka has started", entry)
	}
	faults = nil
	for _, b := range brokers {
		if _, err := askForBrokers(ctx, b.address); err != nil {
			faults = append(faults, fmt.Errorf("bootstrap at %s worked, but broker %d advertises %s, which can't be reached from here: %s; "+
				"set that broker's advertised listener (KAFKA_ADVERTISED_LISTENERS) to an address that its clients reach",
				entry, b.id, b.address, inPlainWords(err)))
		}
	}
	return brokers, errors.Join(faults...)
}

// askForBrokers asks the broker at address, and no other, for the cluster's
// brokers.
func askForBrokers(ctx context.Context, address string) ([]broker, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.DialTimeout(dialTimeout))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = []kmsg.MetadataRequestTopic{} // none; nil means all
	answer, err := client.SeedBrokers()[0].Request(ctx, request)
	if err != nil {
		return nil, err
	}
	var brokers []broker
	for _, b := range answer.(*kmsg.MetadataResponse).Brokers {
		brokers = append(brokers, broker{b.NodeID, net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))})
	}
	return brokers, nil
}

// inPlainWords says what an error of the network means and what to look at.
func inPlainWords(err error) string {
	var noName *net.DNSError
	var timedOut net.Error
	switch {
	case errors.As(err, &noName):
		return fmt.Sprintf("DNS: the name %s can't be resolved: check its spelling, and that this program is on the network that knows it", noName.Name)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connect: connection refused: nothing listens there (any more, or yet)"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "connect: there is no route to that address from this network"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return "connect: the connection was accepted and then closed: is that a plain-text Kafka listener, and has Kafka started?"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errors.As(err, &timedOut) && timedOut.Timeout():
		return "time-out: no answer: a firewall may drop the packets, nothing has that address, or what listens there is stuck"
	case errors.Is(err, context.Canceled):
		return "interrupted"
	}
	return err.Error()
}

// ensureTopic creates the topic unless it exists.
func ensureTopic(ctx context.Context, client *kgo.Client, topic string) error {
	exists, err := topicExists(ctx, client, topic)
	if err != nil || exists {
		return err
	}
	const partitions, clusterDefault = 1, -1
	_, err = kadm.NewClient(client).CreateTopic(ctx, partitions, clusterDefault, nil, topic)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("can't create topic %s: %w", topic, err)
	}
	return nil
}

func topicExists(ctx context.Context, client *kgo.Client, topic string) (bool, error) {
	topics, err := kadm.NewClient(client).ListTopics(ctx, topic)
	if err != nil {
		return false, fmt.Errorf("can't look up topic %s: %w", topic, err)
	}
	return topics.Has(topic), nil
}

func listed(brokers []broker) string {
	var all []string
	for _, b := range brokers {
		all = append(all, b.String())
	}
	return strings.Join(all, ", ")
}
