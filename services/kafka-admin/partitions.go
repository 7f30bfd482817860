package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// partition is one as a broker knows it.
type partition struct {
	topic         string
	number        int32
	leader        int32 // -1: none
	replicas, isr []int32
}

func (p partition) String() string { return fmt.Sprintf("%s-%d", p.topic, p.number) }

// behind is whether a replica has not caught up, or nobody leads.
func (p partition) behind() bool { return p.leader < 0 || len(p.isr) < len(p.replicas) }

// fault says how the partition is behind.
func (p partition) fault() string {
	if p.leader < 0 {
		return fmt.Sprintf("%s (no leader; replicas on %s)", p, numbers(p.replicas))
	}
	return fmt.Sprintf("%s (in sync on %s of %s)", p, numbers(p.isr), numbers(p.replicas))
}

func numbers(ids []int32) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(ids), " ", ", "), "[]")
}

// allPartitions returns those of all topics, Kafka's own included, sorted.
func allPartitions(ctx context.Context, from kmsg.Requestor) ([]partition, *kmsg.MetadataResponse, error) {
	request := kmsg.NewPtrMetadataRequest() // no topics: all
	answer, err := request.RequestWith(ctx, from)
	if err != nil {
		return nil, nil, err
	}
	var all []partition
	for _, t := range answer.Topics {
		if t.Topic == nil {
			continue
		}
		for _, p := range t.Partitions {
			all = append(all, partition{*t.Topic, p.Partition, p.Leader, p.Replicas, p.ISR})
		}
	}
	slices.SortFunc(all, inOrder)
	return all, answer, nil
}

func inOrder(a, b partition) int {
	return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.number, b.number))
}

// some lists at most 5 texts, and says how many more there are.
func some(all []string) string {
	const named = 5
	if len(all) <= named {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:named], ", "), len(all)-named)
}
