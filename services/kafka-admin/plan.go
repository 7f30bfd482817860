package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"swarm-platform/services/internal/kafka"
)

const planExample = `{"replication": 3, "minInSync": 2, "topics": [
    {"name": "orders", "partitions": 6, "replicationFactor": 3, "config": {"retention.ms": "86400000"}},
    {"name": "old", "remove": true}]}`

// plan is what a cluster is to be.
type plan struct {
	// Replication is how many replicas a partition has at least.
	Replication int `json:"replication"`
	// MinInSync is the cluster's min.insync.replicas.
	MinInSync int         `json:"minInSync"`
	Topics    []topicPlan `json:"topics"`
}

type topicPlan struct {
	Name       string `json:"name"`
	Partitions int    `json:"partitions"`
	// ReplicationFactor is Replication if it is not given.
	ReplicationFactor int               `json:"replicationFactor"`
	Config            map[string]string `json:"config"`
	// Remove is whether it is to be deleted, with its data.
	Remove bool `json:"remove"`
}

const (
	maxReplication = 32767 // as the protocol has it
	maxPartitions  = 10_000
)

func parsePlan(text string) (plan, error) {
	var p plan
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&p)
	if err == nil && decoder.Decode(new(any)) != io.EOF {
		err = errors.New("there is more after its end")
	}
	if err != nil {
		return plan{}, fmt.Errorf("the plan can't be read: %s: its form is in -h", strings.TrimPrefix(err.Error(), "json: "))
	}
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if p.Replication < 1 || p.Replication > maxReplication {
		fault(`"replication" %d is not allowed: 1 to %d`, p.Replication, maxReplication)
	}
	if p.MinInSync < 1 || p.MinInSync > p.Replication {
		fault(`"minInSync" %d is not allowed: 1 to "replication" (%d)`, p.MinInSync, p.Replication)
	}
	seen := map[string]bool{}
	for i := range p.Topics {
		t := &p.Topics[i]
		if err := kafka.CheckTopic(t.Name); err != nil {
			faults = append(faults, err)
			continue
		}
		if isInternal(t.Name) {
			fault(`topic %q is Kafka's own: leave it out, "replication" and "minInSync" are for it too`, t.Name)
		}
		if seen[t.Name] {
			fault("topic %q is there twice: leave one out", t.Name)
		}
		seen[t.Name] = true
		if t.Remove {
			continue
		}
		if t.Partitions < 1 || t.Partitions > maxPartitions {
			fault(`topic %q: "partitions" %d is not allowed: 1 to %d`, t.Name, t.Partitions, maxPartitions)
		}
		if t.ReplicationFactor == 0 {
			t.ReplicationFactor = p.Replication
		} else if t.ReplicationFactor < 1 || t.ReplicationFactor > maxReplication {
			fault(`topic %q: "replicationFactor" %d is not allowed: 1 to %d`, t.Name, t.ReplicationFactor, maxReplication)
		}
	}
	return p, errors.Join(faults...)
}

// isInternal is whether a topic is Kafka's own, by the rule of its names.
func isInternal(topic string) bool { return strings.HasPrefix(topic, "__") }

// enoughFor is an error if the plan needs more brokers than there are.
func (p plan) enoughFor(c kafka.Cluster) error {
	var faults []error
	need := func(what string, replicas int) {
		if n := len(c.Brokers); replicas > n {
			faults = append(faults, fmt.Errorf("%s %d needs %d brokers, the cluster at %s has %d (%s): start the others, or lower it",
				what, replicas, replicas, c.Entry, n, c))
		}
	}
	need(`"replication"`, p.Replication)
	for _, t := range p.Topics {
		if t.ReplicationFactor != p.Replication {
			need(fmt.Sprintf(`topic %q: "replicationFactor"`, t.Name), t.ReplicationFactor)
		}
	}
	return errors.Join(faults...)
}
