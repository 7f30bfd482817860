package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"swarm-platform/services/internal/kafka"
)

const (
	// dialTimeout bounds name resolution and connection to one broker.
	dialTimeout = 4 * time.Second
	// answerTimeout adds the first answer. It is the longer one, so that a fault
	// of DNS is reported as such.
	answerTimeout = 5 * time.Second
	// waitPause is between two looks at a cluster that is waited for.
	waitPause = time.Second
)

// broker is one that the cluster told its clients to use.
type broker struct {
	id      int32
	address string // as advertised
	fault   error  // why it can't be used at that address, nil if it can
}

func (b broker) String() string { return fmt.Sprintf("%d=%s", b.id, b.address) }

// cluster is what a look at a Kafka cluster found.
type cluster struct {
	entry   string // the bootstrap address that answered
	brokers []broker
}

// usable returns the brokers that answer at the address that they advertise.
func (c cluster) usable() []broker {
	return slices.DeleteFunc(slices.Clone(c.brokers), func(b broker) bool { return b.fault != nil })
}

// faults says for each other broker what its clients got and what to set.
func (c cluster) faults() error {
	var faults []error
	for _, b := range c.brokers {
		if b.fault == nil {
			continue
		}
		if _, other := errors.AsType[otherBroker](b.fault); other {
			faults = append(faults, fmt.Errorf("bootstrap at %s worked, but %w; "+
				"give each broker an advertised listener (KAFKA_ADVERTISED_LISTENERS) of its own", c.entry, b.fault))
			continue
		}
		faults = append(faults, fmt.Errorf("bootstrap at %s worked, but broker %d advertises %s, which can't be reached from here: %s; "+
			"set that broker's advertised listener (KAFKA_ADVERTISED_LISTENERS) to an address that its clients reach",
			c.entry, b.id, b.address, kafka.InPlainWords(b.fault)))
	}
	return errors.Join(faults...)
}

// otherBroker is the fault of an address at which not the broker answers that
// advertises it.
type otherBroker struct{ broker }

func (o otherBroker) Error() string {
	return fmt.Sprintf("broker %d advertises %s, where another broker answers", o.id, o.address)
}

// lookAt asks one of the bootstrap addresses for the cluster's brokers and then
// each of those, at the address that it advertises: it names the fault that the
// Kafka protocol hides, a cluster that can be reached at first and then not. It
// fails if no broker is usable.
func lookAt(ctx context.Context, opts options) (cluster, error) {
	var found cluster
	var faults []error
	for _, address := range opts.brokers {
		err := ask(ctx, opts, address, func(ctx context.Context, entry *kgo.Broker) (err error) {
			found.brokers, err = brokersOf(ctx, entry)
			return err
		})
		if err == nil {
			found.entry = address
			break
		}
		faults = append(faults, fmt.Errorf("can't reach broker %s: %w", address, plain{err}))
	}
	if found.entry == "" {
		return found, errors.Join(faults...)
	}
	if len(found.brokers) == 0 {
		return found, fmt.Errorf("%s answered, but its cluster has no broker yet: wait until Kafka has started", found.entry)
	}
	var asked sync.WaitGroup
	for i := range found.brokers {
		b := &found.brokers[i]
		asked.Go(func() {
			b.fault = ask(ctx, opts, b.address, func(ctx context.Context, at *kgo.Broker) error { return confirm(ctx, at, *b) })
		})
	}
	asked.Wait()
	if len(found.usable()) == 0 {
		return found, found.faults()
	}
	return found, nil
}

// plain is an error that is told in plain words and still is what it was.
type plain struct{ error }

func (p plain) Error() string { return kafka.InPlainWords(p.error) }
func (p plain) Unwrap() error { return p.error }

// connect looks at the cluster, for at most opts.wait if it can't be used yet,
// and warns of the brokers that are missing from it.
func connect(ctx context.Context, opts options, progress io.Writer) (cluster, error) {
	found, err := waitFor(ctx, opts, progress, func(cluster) error { return nil })
	if err != nil {
		return found, err
	}
	if fault := found.faults(); fault != nil {
		say(progress, "%v", warning(fault))
		say(progress, "warning: going on with %d of %d brokers", len(found.usable()), len(found.brokers))
	}
	return found, nil
}

func warning(fault error) string {
	return "warning: " + strings.ReplaceAll(fault.Error(), "\n", "\nwarning: ")
}

// waitFor looks at the cluster until it is usable and good enough, for at most
// opts.wait. What will not pass by itself is not waited for.
func waitFor(ctx context.Context, opts options, progress io.Writer, enough func(cluster) error) (cluster, error) {
	giveUp := time.Now().Add(opts.wait)
	for told := ""; ; {
		found, err := lookAt(ctx, opts)
		if err == nil {
			err = enough(found)
		}
		if err == nil || refused(err) || !time.Now().Before(giveUp) {
			return found, err
		}
		if text := err.Error(); text != told {
			say(progress, "waiting: %s", text)
			told = text
		}
		select {
		case <-time.After(min(waitPause, time.Until(giveUp))):
		case <-ctx.Done():
			return found, errors.Join(err, context.Cause(ctx))
		}
	}
}

// refused is whether user, password or certificate are wrong.
func refused(err error) bool {
	class, _ := kafka.Explain(err)
	return class == kafka.ClassAuth || class == kafka.ClassTLS
}

// ask lets do talk to the broker at address, and to no other.
func ask(ctx context.Context, opts options, address string, do func(context.Context, *kgo.Broker) error) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	client, err := kgo.NewClient(slices.Concat(opts.security, []kgo.Opt{kgo.SeedBrokers(address), kgo.DialTimeout(dialTimeout)})...)
	if err != nil {
		return err
	}
	defer client.Close()
	return do(ctx, client.SeedBrokers()[0])
}

// brokersOf returns the brokers that the one at entry tells its clients to use.
func brokersOf(ctx context.Context, entry *kgo.Broker) ([]broker, error) {
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = []kmsg.MetadataRequestTopic{} // none; nil means all
	answer, err := entry.Request(ctx, request)
	if err != nil {
		return nil, err
	}
	var brokers []broker
	for _, b := range answer.(*kmsg.MetadataResponse).Brokers {
		brokers = append(brokers, broker{id: b.NodeID, address: net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))})
	}
	slices.SortFunc(brokers, func(a, b broker) int { return int(a.id - b.id) })
	return brokers, nil
}

// confirm is an error unless the one that answers is b: a broker describes no
// configuration but its own. One that doesn't let this user ask is believed.
func confirm(ctx context.Context, at *kgo.Broker, b broker) error {
	resource := kmsg.NewDescribeConfigsRequestResource()
	resource.ResourceType = kmsg.ConfigResourceTypeBroker
	resource.ResourceName = strconv.Itoa(int(b.id))
	resource.ConfigNames = []string{"node.id"}
	request := kmsg.NewPtrDescribeConfigsRequest()
	request.Resources = append(request.Resources, resource)
	answer, err := at.Request(ctx, request)
	if err != nil {
		return err
	}
	for _, r := range answer.(*kmsg.DescribeConfigsResponse).Resources {
		if r.ErrorCode == kerr.InvalidRequest.Code {
			return otherBroker{b}
		}
	}
	return nil
}

// runCheck is for a gate: are all brokers there, for clients from here?
func runCheck(ctx context.Context, opts options, progress io.Writer) (string, error) {
	found, err := waitFor(ctx, opts, progress, func(c cluster) error {
		if err := c.faults(); err != nil {
			return err
		}
		if n := len(c.brokers); opts.expect > 0 && n != opts.expect {
			return fmt.Errorf("the cluster at %s has %d brokers, %d are expected: the others are not registered with its controller: "+
				"look at their logs, and at their KAFKA_CONTROLLER_QUORUM_VOTERS and CLUSTER_ID", c.entry, n, opts.expect)
		}
		return nil
	})
	if err != nil {
		if len(found.brokers) > 0 {
			err = fmt.Errorf("%w\n%s", err, found.table())
		}
		return "", err
	}
	return fmt.Sprintf("%s\nall %d brokers answer at the address that they advertise", found.table(), len(found.brokers)), nil
}

// table lists the brokers.
func (c cluster) table() string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "BROKER\tADVERTISED\tFROM HERE")
	for _, b := range c.brokers {
		state := "answers"
		if _, other := errors.AsType[otherBroker](b.fault); other {
			state = "another broker answers"
		} else if b.fault != nil {
			state, _ = kafka.Explain(b.fault)
		}
		fmt.Fprintf(w, "\n%d\t%s\t%s", b.id, b.address, state)
	}
	w.Flush() // can't fail
	return text.String()
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
		return fmt.Errorf("can't create topic %s: %w", topic, plain{err})
	}
	return nil
}

func topicExists(ctx context.Context, client *kgo.Client, topic string) (bool, error) {
	topics, err := kadm.NewClient(client).ListTopics(ctx, topic)
	if err != nil {
		return false, fmt.Errorf("can't look up topic %s: %w", topic, plain{err})
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
