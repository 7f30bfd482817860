package kafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// DialTimeout bounds name resolution and connection to one broker.
	DialTimeout = 4 * time.Second
	// answerTimeout adds the answers. It is the longer one, so that a fault of
	// DNS is reported as such.
	answerTimeout = 5 * time.Second
)

// Access is the way to a cluster.
type Access struct {
	// Bootstrap are addresses to start from, host:port.
	Bootstrap []string
	// Security is how clients log in, see WithUser and WithCA.
	Security []kgo.Opt
	// Listener is the name of the brokers' listener, for messages; may be empty.
	Listener string
	// Cure is what to set when brokers advertise a wrong address.
	// Default: a sentence about KAFKA_ADVERTISED_LISTENERS.
	Cure string
}

// Broker is one that the cluster told its clients to use.
type Broker struct {
	ID      int32
	Address string // as advertised
	Fault   error  // why it can't be used at that address, nil if it can
	sees    []member
}

// member is a broker as another one, or itself, advertises it.
type member struct {
	id      int32
	address string
}

func (m member) String() string { return fmt.Sprintf("%d=%s", m.id, m.address) }

// Cluster is what a look at a Kafka cluster found.
type Cluster struct {
	Entry   string // the bootstrap address that answered
	Brokers []Broker
	access  Access
}

// Usable returns the brokers that answer at the address that they advertise.
func (c Cluster) Usable() []Broker {
	return slices.DeleteFunc(slices.Clone(c.Brokers), func(b Broker) bool { return b.Fault != nil })
}

// Addresses returns the advertised ones, first those that answer.
func (c Cluster) Addresses() []string {
	var answer, rest []string
	for _, b := range c.Brokers {
		if b.Fault == nil {
			answer = append(answer, b.Address)
		} else {
			rest = append(rest, b.Address)
		}
	}
	return append(answer, rest...)
}

// String lists the brokers in one line.
func (c Cluster) String() string {
	var all []string
	for _, b := range c.Brokers {
		all = append(all, member{b.ID, b.Address}.String())
	}
	return strings.Join(all, ", ")
}

// Faults says for each broker that is not usable what its clients got and what
// to set.
func (c Cluster) Faults() error {
	listener := ""
	if c.access.Listener != "" {
		listener = " (" + c.access.Listener + ")"
	}
	var faults []error
	for _, b := range c.Brokers {
		if b.Fault == nil {
			continue
		}
		what := ", which can't be reached from here: " + InPlainWords(b.Fault)
		cure := "set that broker's advertised listener (KAFKA_ADVERTISED_LISTENERS) to an address that its clients reach"
		if errors.Is(b.Fault, errOtherBroker) {
			what = ", where another broker answers"
			cure = "give each broker an advertised listener (KAFKA_ADVERTISED_LISTENERS) of its own"
		}
		if c.access.Cure != "" {
			cure = c.access.Cure
		}
		faults = append(faults, fmt.Errorf("bootstrap at %s worked, but broker %d advertises %s%s%s; %s",
			c.Entry, b.ID, b.Address, listener, what, cure))
	}
	return errors.Join(faults...)
}

// Disagreement is an error if the usable brokers don't all know the same ones
// at the same addresses.
func (c Cluster) Disagreement() error {
	usable := c.Usable()
	for _, b := range usable[min(1, len(usable)):] {
		if first := usable[0]; !slices.Equal(b.sees, first.sees) {
			return fmt.Errorf("the brokers disagree: %d at %s knows %v, %d at %s knows %v: either it is about to pass, "+
				"or they are not of one cluster: look at their KAFKA_CONTROLLER_QUORUM_VOTERS and CLUSTER_ID",
				first.ID, first.Address, first.sees, b.ID, b.Address, b.sees)
		}
	}
	return nil
}

// errOtherBroker is the fault of an address at which not the broker answers that
// advertises it.
var errOtherBroker = errors.New("another broker answers")

// LookAt asks one of the bootstrap addresses for the cluster's brokers and then
// each of those, at the address that it advertises: it names the fault that the
// Kafka protocol hides, a cluster that can be reached at first and then not. It
// fails if no broker is usable.
func LookAt(ctx context.Context, access Access) (Cluster, error) {
	found := Cluster{access: access}
	var faults []error
	for _, address := range access.Bootstrap {
		var members []member
		err := access.Ask(ctx, address, func(ctx context.Context, entry *kgo.Broker) (err error) {
			members, err = membersKnownTo(ctx, entry)
			return err
		})
		if err == nil {
			found.Entry = address
			for _, m := range members {
				found.Brokers = append(found.Brokers, Broker{ID: m.id, Address: m.address})
			}
			break
		}
		faults = append(faults, fmt.Errorf("can't reach broker %s: %w", address, Plain(err)))
	}
	if found.Entry == "" {
		return found, errors.Join(faults...)
	}
	if len(found.Brokers) == 0 {
		return found, fmt.Errorf("%s answered, but its cluster has no broker yet: wait until Kafka has started", found.Entry)
	}
	var asked sync.WaitGroup
	for i := range found.Brokers {
		b := &found.Brokers[i]
		asked.Go(func() {
			b.Fault = access.Ask(ctx, b.Address, func(ctx context.Context, at *kgo.Broker) (err error) {
				if err := confirm(ctx, at, b.ID); err != nil {
					return err
				}
				b.sees, err = membersKnownTo(ctx, at)
				return err
			})
		})
	}
	asked.Wait()
	if len(found.Usable()) == 0 {
		return found, found.Faults()
	}
	return found, nil
}

// Ask lets do talk to the broker at address, and to no other.
func (a Access) Ask(ctx context.Context, address string, do func(context.Context, *kgo.Broker) error) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	client, err := kgo.NewClient(slices.Concat(a.Security, []kgo.Opt{kgo.SeedBrokers(address), kgo.DialTimeout(DialTimeout)})...)
	if err != nil {
		return err
	}
	defer client.Close()
	return do(ctx, client.SeedBrokers()[0])
}

// membersKnownTo returns the brokers that this one tells its clients to use, by
// number.
func membersKnownTo(ctx context.Context, broker *kgo.Broker) ([]member, error) {
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = []kmsg.MetadataRequestTopic{} // none; nil means all
	answer, err := broker.Request(ctx, request)
	if err != nil {
		return nil, err
	}
	var members []member
	for _, b := range answer.(*kmsg.MetadataResponse).Brokers {
		members = append(members, member{b.NodeID, net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))})
	}
	slices.SortFunc(members, func(a, b member) int { return int(a.id - b.id) })
	return members, nil
}

// confirm is an error unless the one that answers is the broker of this number:
// a broker describes no configuration but its own. One that doesn't let this
// user ask is believed.
func confirm(ctx context.Context, at *kgo.Broker, id int32) error {
	resource := kmsg.NewDescribeConfigsRequestResource()
	resource.ResourceType = kmsg.ConfigResourceTypeBroker
	resource.ResourceName = strconv.Itoa(int(id))
	resource.ConfigNames = []string{"node.id"}
	request := kmsg.NewPtrDescribeConfigsRequest()
	request.Resources = append(request.Resources, resource)
	answer, err := at.Request(ctx, request)
	if err != nil {
		return err
	}
	for _, r := range answer.(*kmsg.DescribeConfigsResponse).Resources {
		if r.ErrorCode == kerr.InvalidRequest.Code {
			return errOtherBroker
		}
	}
	return nil
}

// Table lists the brokers, one a line.
func (c Cluster) Table() string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "BROKER\tADVERTISED\tFROM HERE")
	for _, b := range c.Brokers {
		state := "answers"
		if errors.Is(b.Fault, errOtherBroker) {
			state = b.Fault.Error()
		} else if b.Fault != nil {
			state, _ = Explain(b.Fault)
		}
		fmt.Fprintf(w, "\n%d\t%s\t%s", b.ID, b.Address, state)
	}
	w.Flush() // can't fail
	return text.String()
}
