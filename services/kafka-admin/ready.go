package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"swarm-platform/services/internal/kafka"
)

// waitingFor marks each line of what may pass, so that a reader can tell it from
// the fault at the end.
func waitingFor(reason string) string {
	return "waiting: " + strings.ReplaceAll(reason, "\n", "\nwaiting: ")
}

// runReady is for a gate: are all brokers there, for clients from here?
func runReady(ctx context.Context, opts options, done, progress func(string, ...any)) error {
	var caughtUp string
	tell := func(reason string) { progress("%s", waitingFor(reason)) }
	found, err := kafka.WaitFor(ctx, opts.access, kafka.Patience{Wait: opts.wait}, tell, func(ctx context.Context, c kafka.Cluster) (err error) {
		if err := errors.Join(c.Faults(), c.Disagreement()); err != nil {
			return err
		}
		if n := len(c.Brokers); n < opts.expect {
			return fmt.Errorf("the cluster at %s has %d brokers, %d are expected: the others are not registered with its controller: "+
				"look at their logs, and at their KAFKA_CONTROLLER_QUORUM_VOTERS and CLUSTER_ID", c.Entry, n, opts.expect)
		}
		if opts.inSync {
			caughtUp, err = allCaughtUp(ctx, opts, c)
		}
		return err
	})
	if err != nil {
		if len(found.Brokers) > 0 {
			err = fmt.Errorf("%w\n%s", err, found.Table())
		}
		return err
	}
	done("%s\nall %d brokers answer at the address that they advertise%s", found.Table(), len(found.Brokers), caughtUp)
	return nil
}

// allCaughtUp is an error while a replica or a controller is behind. Each broker
// is asked, for one that has just come back may not know yet what it missed.
func allCaughtUp(ctx context.Context, opts options, c kafka.Cluster) (summary string, err error) {
	behind := map[string]partition{}
	var count int
	var quorum string
	for i, b := range c.Brokers {
		err := opts.access.Ask(ctx, b.Address, func(ctx context.Context, at *kgo.Broker) error {
			all, _, err := allPartitions(ctx, at)
			if err != nil {
				return err
			}
			count = max(count, len(all))
			for _, p := range all {
				if p.behind() {
					behind[p.String()] = p
				}
			}
			if i == 0 {
				quorum, err = controllersCaughtUp(ctx, at, opts.expect)
			}
			return err
		})
		if _, late := errors.AsType[behindError](err); late {
			return "", err
		} else if err != nil {
			return "", fmt.Errorf("can't ask broker %d at %s what is in sync: %w", b.ID, b.Address, kafka.Plain(err))
		}
	}
	if len(behind) > 0 {
		var faults []string
		for _, p := range slices.SortedFunc(maps.Values(behind), inOrder) {
			faults = append(faults, p.fault())
		}
		return "", fmt.Errorf("partitions that are behind: %d of %d, %s: wait until the brokers have copied what they missed, or look at their logs",
			len(behind), count, some(faults))
	}
	return fmt.Sprintf("\nall %d partitions are in sync; %s", count, quorum), nil
}

// behindError is of controllers that have not caught up.
type behindError struct{ error }

// maxControllerLag is how long ago a controller may have known all; the active
// one writes at least each half a second.
const maxControllerLag = 5 * time.Second

// controllersCaughtUp is a behindError while a voter of the controllers' quorum
// is behind. A broker that doesn't answer that is believed.
func controllersCaughtUp(ctx context.Context, at *kgo.Broker, expect int) (summary string, err error) {
	partition := kmsg.NewDescribeQuorumRequestTopicPartition()
	topic := kmsg.NewDescribeQuorumRequestTopic()
	topic.Topic = "__cluster_metadata"
	topic.Partitions = append(topic.Partitions, partition)
	request := kmsg.NewPtrDescribeQuorumRequest()
	request.Topics = append(request.Topics, topic)
	answer, err := request.RequestWith(ctx, at)
	if err != nil {
		if class, _ := kafka.Explain(err); class != kafka.ClassOther {
			return "", err
		}
		return "this broker doesn't tell about its controllers", nil // too old, or none of Kafka's own
	}
	codes := []int16{answer.ErrorCode}
	var voters []kmsg.DescribeQuorumResponseTopicPartitionReplicaState
	var leader int32
	for _, t := range answer.Topics {
		for _, p := range t.Partitions {
			codes = append(codes, p.ErrorCode)
			voters, leader = p.CurrentVoters, p.LeaderID
		}
	}
	for _, code := range codes {
		if refusal := kerr.ErrorForCode(code); kerr.IsRetriable(refusal) {
			return "", refusal
		} else if refusal != nil {
			return fmt.Sprintf("the controllers were not shown (%v)", refusal), nil
		}
	}
	return judgeVoters(voters, leader, expect)
}

// judgeVoters lets as many as are not expected yet be voters that never were up:
// a cluster that grows names all its voters from the start.
func judgeVoters(voters []kmsg.DescribeQuorumResponseTopicPartitionReplicaState, leader int32, expect int) (summary string, err error) {
	at := slices.IndexFunc(voters, func(v kmsg.DescribeQuorumResponseTopicPartitionReplicaState) bool { return v.ReplicaID == leader })
	if at < 0 {
		return "", behindError{errors.New("the controllers have no leader: more than half of them must run and reach each other")}
	}
	absent := 0
	if expect > 0 {
		absent = max(0, len(voters)-expect)
	}
	there := len(voters)
	var faults []string
	for _, v := range voters {
		// Both by the clock of the leader, whose own entry is the time of the answer.
		since := time.Duration(voters[at].LastCaughtUpTimestamp-v.LastCaughtUpTimestamp) * time.Millisecond
		records := voters[at].LogEndOffset - v.LogEndOffset
		switch {
		case v.LogEndOffset < 0 && absent > 0:
			absent--
			there--
		case v.LogEndOffset < 0, v.LastCaughtUpTimestamp < 0 && voters[at].LastCaughtUpTimestamp >= 0: // older versions tell no times
			faults = append(faults, fmt.Sprintf("%d (never has yet)", v.ReplicaID))
		case since > maxControllerLag && records > 0:
			faults = append(faults, fmt.Sprintf("%d (%d records, for %s)", v.ReplicaID, records, since.Round(time.Second)))
		}
	}
	if len(faults) > 0 {
		return "", behindError{fmt.Errorf("%d of %d controllers have not caught up: %s: wait, or look at their logs",
			len(faults), len(voters), strings.Join(faults, ", "))}
	}
	if there < len(voters) {
		return fmt.Sprintf("%d of %d controllers are there and have caught up", there, len(voters)), nil
	}
	return fmt.Sprintf("all %d controllers have caught up", there), nil
}
