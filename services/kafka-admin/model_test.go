package main

import (
	"net"
	"strconv"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"swarm-platform/services/internal/kafkatest"
)

// model is what the fake cluster lacks: partitions whose replicas are told, move
// and are behind. Its brokers are 0, 1, 2.
type model struct {
	*kfake.Cluster
	mu         sync.Mutex
	partitions []partition
	// moving are copied at the third look, and in sync at the one after that.
	moving map[string]partition
	looks  int
}

// newModel has topics of the names in partitions, one partition for each.
func newModel(t *testing.T, partitions ...partition) *model {
	t.Helper()
	m := &model{Cluster: kafkatest.NewCluster(t, kfake.NumBrokers(3)), partitions: partitions, moving: map[string]partition{}}
	for _, p := range partitions {
		if p.number == 0 {
			if err := m.CreateTopic(p.topic, 1, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	m.control(kmsg.Metadata, func(request kmsg.Request) kmsg.Response {
		if request.(*kmsg.MetadataRequest).Topics != nil {
			return nil
		}
		return m.metadata(request)
	})
	m.control(kmsg.AlterPartitionAssignments, func(request kmsg.Request) kmsg.Response {
		for _, t := range request.(*kmsg.AlterPartitionAssignmentsRequest).Topics {
			for _, p := range t.Partitions {
				p := partition{topic: t.Topic, number: p.Partition, replicas: p.Replicas}
				m.moving[p.String()] = p
			}
		}
		m.looks = 0
		return request.ResponseKind()
	})
	m.control(kmsg.ListPartitionReassignments, func(request kmsg.Request) kmsg.Response {
		answer := request.ResponseKind().(*kmsg.ListPartitionReassignmentsResponse)
		if m.looks++; m.looks < 3 {
			for _, p := range m.moving {
				topic := kmsg.NewListPartitionReassignmentsResponseTopic()
				topic.Topic = p.topic
				one := kmsg.NewListPartitionReassignmentsResponseTopicPartition()
				one.Partition = p.number
				topic.Partitions = append(topic.Partitions, one)
				answer.Topics = append(answer.Topics, topic)
			}
		}
		return answer
	})
	return m
}

// control answers a kind of requests, if the answer is not nil.
func (m *model) control(kind kmsg.Key, answer func(kmsg.Request) kmsg.Response) {
	m.ControlKey(int16(kind), func(request kmsg.Request) (kmsg.Response, error, bool) {
		m.KeepControl()
		m.mu.Lock()
		defer m.mu.Unlock()
		response := answer(request)
		return response, nil, response != nil
	})
}

func (m *model) metadata(request kmsg.Request) kmsg.Response {
	answer := request.ResponseKind().(*kmsg.MetadataResponse)
	for i, address := range m.ListenAddrs() {
		host, port, _ := net.SplitHostPort(address)
		number, _ := strconv.Atoi(port)
		broker := kmsg.NewMetadataResponseBroker()
		broker.NodeID, broker.Host, broker.Port = int32(i), host, int32(number)
		answer.Brokers = append(answer.Brokers, broker)
	}
	byTopic := map[string]int{}
	for i := range m.partitions {
		p := &m.partitions[i]
		if moved, ok := m.moving[p.String()]; ok && m.looks >= 2 {
			p.replicas = moved.replicas
			if m.looks >= 3 {
				p.isr = p.replicas
			}
		}
		at, ok := byTopic[p.topic]
		if !ok {
			at = len(answer.Topics)
			byTopic[p.topic] = at
			topic := kmsg.NewMetadataResponseTopic()
			topic.Topic = &p.topic
			answer.Topics = append(answer.Topics, topic)
		}
		one := kmsg.NewMetadataResponseTopicPartition()
		one.Partition, one.Leader, one.Replicas, one.ISR = p.number, p.leader, p.replicas, p.isr
		answer.Topics[at].Partitions = append(answer.Topics[at].Partitions, one)
	}
	return answer
}
