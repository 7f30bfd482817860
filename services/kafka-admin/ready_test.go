package main

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"swarm-platform/services/internal/kafkatest"
)

// tableOf is what is said of brokers 0, 1, ... at these addresses.
func tableOf(addresses []string, states ...string) []string {
	width := len("ADVERTISED")
	for _, a := range addresses {
		width = max(width, len(a))
	}
	rows := []string{fmt.Sprintf("BROKER  %-*s  FROM HERE", width, "ADVERTISED")}
	for i, a := range addresses {
		rows = append(rows, fmt.Sprintf("%-6d  %-*s  %s", i, width, a, states[i]))
	}
	return rows
}

func TestReady(t *testing.T) {
	cluster := kafkatest.NewCluster(t, kfake.NumBrokers(3), kfake.SeedTopics(2, "t"))
	addresses := cluster.ListenAddrs()
	brokers := strings.Join(addresses, ",")
	table := tableOf(addresses, "answers", "answers", "answers")
	all := append(table, "all 3 brokers answer at the address that they advertise")
	does(t, all, "ready", "-brokers", brokers)
	does(t, all, "ready", "-brokers", kafkatest.Refusing(t)+","+brokers, "-expect", "3")
	does(t, append(all, "all 2 partitions are in sync; this broker doesn't tell about its controllers"), "ready", "-brokers", brokers, "-in-sync")
	fails(t, append([]string{"the cluster at " + addresses[0] + " has 3 brokers, 4 are expected: the others are not registered with its controller: " +
		"look at their logs, and at their KAFKA_CONTROLLER_QUORUM_VOTERS and CLUSTER_ID"}, table...),
		"ready", "-brokers", brokers, "-expect", "4", "-wait", "0s")
	nobody := kafkatest.Refusing(t)
	fails(t, []string{"can't reach broker " + nobody + ": connect: connection refused: nothing listens there (any more, or yet)"},
		"ready", "-brokers", nobody, "-wait", "0s")
}

func TestReadyWaits(t *testing.T) {
	address := kafkatest.Refusing(t)
	waiting := admin.Begin(t, "ready", "-brokers", address, "-expect", "1")
	waiting.Expect("waiting: can't reach broker " + address + ": connect: connection refused")
	kafkatest.NewCluster(t, kfake.NumBrokers(1), kfake.ListenFn(func(network, _ string) (net.Listener, error) { return net.Listen(network, address) }))
	waiting.Succeed()
}

func TestWrongAdvertisedAddress(t *testing.T) {
	dead := kafkatest.Refusing(t)
	cluster, bootstrap := kafkatest.Misadvertised(t, func([]net.Listener) string { return dead })
	fault := "bootstrap at " + bootstrap + " worked, but broker 2 advertises " + dead
	refused := ", which can't be reached from here: connect: connection refused: nothing listens there (any more, or yet); "
	table := tableOf(cluster.ListenAddrs(), "answers", "answers", "connect")
	ready := []string{"ready", "-brokers", bootstrap, "-wait", "0s"}
	fails(t, append([]string{fault + refused +
		"set that broker's advertised listener (KAFKA_ADVERTISED_LISTENERS) to an address that its clients reach"}, table...), ready...)
	fails(t, append([]string{fault + " (EXTERNAL)" + refused + "set externalAddress of node-3"}, table...),
		append(ready, "-listener", "EXTERNAL", "-cure", "set externalAddress of node-3")...)
}

// All behind one address, as they would be behind a load balancer.
func TestAnotherBrokerAnswers(t *testing.T) {
	cluster, bootstrap := kafkatest.Misadvertised(t, func(l []net.Listener) string { return l[0].Addr().String() })
	fails(t, append([]string{"bootstrap at " + bootstrap + " worked, but broker 2 advertises " + bootstrap + ", where another broker answers; " +
		"give each broker an advertised listener (KAFKA_ADVERTISED_LISTENERS) of its own"},
		tableOf(cluster.ListenAddrs(), "answers", "answers", "another broker answers")...),
		"ready", "-brokers", bootstrap, "-wait", "0s")
}

func TestBrokersDisagree(t *testing.T) {
	cluster := kafkatest.NewCluster(t, kfake.NumBrokers(2))
	addresses := cluster.ListenAddrs()
	model := &model{Cluster: cluster}
	model.control(kmsg.Metadata, func(request kmsg.Request) kmsg.Response {
		answer := model.metadata(request).(*kmsg.MetadataResponse)
		answer.Brokers = answer.Brokers[:2-cluster.CurrentNode()]
		return answer
	})
	both := fmt.Sprintf("[0=%s 1=%s]", addresses[0], addresses[1])
	fails(t, append([]string{fmt.Sprintf("the brokers disagree: 0 at %s knows %s, 1 at %s knows [0=%s]: either it is about to pass, "+
		"or they are not of one cluster: look at their KAFKA_CONTROLLER_QUORUM_VOTERS and CLUSTER_ID", addresses[0], both, addresses[1], addresses[0])},
		tableOf(addresses, "answers", "answers")...), "ready", "-brokers", addresses[0], "-wait", "0s")
}

func TestReadyLogsIn(t *testing.T) {
	cluster := kafkatest.NewCluster(t, kfake.NumBrokers(1), kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-512", "ann", "right"))
	address := cluster.ListenAddrs()[0]
	all := append(tableOf(cluster.ListenAddrs(), "answers"), "all 1 brokers answer at the address that they advertise")
	does(t, all, "ready", "-brokers", address, "-users-file", usersFile(t, `{"bob": "wrong", "ann": "right"}`))
	does(t, all, "ready", "-brokers", address, "-users-file", usersFile(t, `{"aaa": "wrong", "ann": "right"}`), "-user", "ann")
	// The fake closes the connection on a wrong password; this is how Kafka answers.
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.SASLAuthenticate}, Err: kerr.SaslAuthenticationFailed, Count: -1})
	start := time.Now()
	fails(t, []string{"can't reach broker " + address + ": auth: user or password are refused: check both, and that the broker has the user with SCRAM-SHA-512 credentials"},
		"ready", "-brokers", address, "-users-file", usersFile(t, `{"ann": "wrong"}`))
	if took := time.Since(start); took > kafkatest.Patience {
		t.Errorf("waited %s for a wrong password", took)
	}
}

func TestPartitionsBehind(t *testing.T) {
	m := newModel(t, partition{"t", 0, 0, []int32{0, 1, 2}, []int32{0, 2}})
	addresses := m.ListenAddrs()
	table := tableOf(addresses, "answers", "answers", "answers")
	advice := ": wait until the brokers have copied what they missed, or look at their logs"
	ready := []string{"ready", "-brokers", addresses[0], "-in-sync"}
	fails(t, append([]string{"partitions that are behind: 1 of 1, t-0 (in sync on 0, 2 of 0, 1, 2)" + advice}, table...), append(ready, "-wait", "0s")...)

	m.mu.Lock()
	m.partitions[0].isr = m.partitions[0].replicas
	for n := range int32(7) {
		m.partitions = append(m.partitions, partition{"__u", n, -1, []int32{1}, nil})
	}
	m.mu.Unlock()
	fails(t, append([]string{"partitions that are behind: 7 of 8, __u-0 (no leader; replicas on 1), __u-1 (no leader; replicas on 1), " +
		"__u-2 (no leader; replicas on 1), __u-3 (no leader; replicas on 1), __u-4 (no leader; replicas on 1) and 2 more" + advice}, table...), append(ready, "-wait", "0s")...)

	waiting := admin.Begin(t, ready...)
	waiting.Expect("waiting: partitions that are behind: 7 of 8")
	m.mu.Lock()
	m.partitions = m.partitions[:1]
	m.mu.Unlock()
	if stdout := waiting.Succeed(); !strings.Contains(stdout, "all 1 partitions are in sync") {
		t.Errorf("stdout %q", stdout)
	}
}

func TestControllers(t *testing.T) {
	type voter = kmsg.DescribeQuorumResponseTopicPartitionReplicaState
	of := func(id int32, offset, caughtUp int64) voter {
		return voter{ReplicaID: id, LogEndOffset: offset, LastCaughtUpTimestamp: caughtUp}
	}
	late := ": wait, or look at their logs"
	for name, test := range map[string]struct {
		voters          []voter
		summary, wanted string
		expect          int
	}{
		"caught up":              {[]voter{of(1, 100, 99_000), of(2, 100, 98_500), of(3, 99, 98_000)}, "all 3 controllers have caught up", "", 0},
		"no times":               {[]voter{of(1, 100, -1), of(2, 90, -1)}, "all 2 controllers have caught up", "", 0},
		"nothing new for long":   {[]voter{of(1, 100, 99_000), of(2, 100, 1_000)}, "all 2 controllers have caught up", "", 0},
		"one is down":            {[]voter{of(1, 100, 99_000), of(2, 60, 59_000), of(3, 100, 99_000)}, "", "1 of 3 controllers have not caught up: 2 (40 records, for 40s)" + late, 0},
		"two have never been up": {[]voter{of(1, 100, 99_000), of(2, -1, -1), of(3, 5, -1)}, "", "2 of 3 controllers have not caught up: 2 (never has yet), 3 (never has yet)" + late, 0},
		"no leader":              {[]voter{of(2, 100, 99_000)}, "", "the controllers have no leader: more than half of them must run and reach each other", 0},
		"one is still to come":   {[]voter{of(1, 100, 99_000), of(2, 100, 99_000), of(3, -1, -1)}, "2 of 3 controllers are there and have caught up", "", 2},
		"one that should be up":  {[]voter{of(1, 100, 99_000), of(2, -1, -1), of(3, -1, -1)}, "", "1 of 3 controllers have not caught up: 3 (never has yet)" + late, 2},
	} {
		summary, err := judgeVoters(test.voters, 1, test.expect)
		if summary != test.summary || (err == nil) != (test.wanted == "") || err != nil && err.Error() != test.wanted {
			t.Errorf("%s: %q, error %v", name, summary, err)
		}
	}
}

// quorumAnswers makes a cluster answer what the fake one doesn't know.
func quorumAnswers(m *model, fill func(*kmsg.DescribeQuorumResponse)) {
	m.control(kmsg.ApiVersions, func(request kmsg.Request) kmsg.Response {
		answer := request.ResponseKind().(*kmsg.ApiVersionsResponse)
		for _, key := range []kmsg.Key{kmsg.ApiVersions, kmsg.Metadata, kmsg.DescribeConfigs, kmsg.DescribeQuorum} {
			one := kmsg.NewApiVersionsResponseApiKey()
			one.ApiKey, one.MaxVersion = int16(key), kmsg.RequestForKey(int16(key)).MaxVersion()
			answer.ApiKeys = append(answer.ApiKeys, one)
		}
		return answer
	})
	m.control(kmsg.DescribeQuorum, func(request kmsg.Request) kmsg.Response {
		answer := request.ResponseKind().(*kmsg.DescribeQuorumResponse)
		fill(answer)
		return answer
	})
}

func TestQuorumIsAsked(t *testing.T) {
	m := newModel(t)
	quorum := func(offset int64) func(*kmsg.DescribeQuorumResponse) {
		return func(answer *kmsg.DescribeQuorumResponse) {
			topic := kmsg.NewDescribeQuorumResponseTopic()
			one := kmsg.NewDescribeQuorumResponseTopicPartition()
			one.LeaderID = 1
			for id, end := range []int64{offset, 100} {
				voter := kmsg.NewDescribeQuorumResponseTopicPartitionReplicaState()
				voter.ReplicaID, voter.LogEndOffset = int32(id), end
				one.CurrentVoters = append(one.CurrentVoters, voter)
			}
			topic.Partitions = append(topic.Partitions, one)
			answer.Topics = append(answer.Topics, topic)
		}
	}
	answer := quorum(-1)
	quorumAnswers(m, func(r *kmsg.DescribeQuorumResponse) { answer(r) })
	addresses := m.ListenAddrs()
	table := tableOf(addresses, "answers", "answers", "answers")
	fails(t, append([]string{"1 of 2 controllers have not caught up: 0 (never has yet): wait, or look at their logs"}, table...),
		"ready", "-brokers", addresses[0], "-in-sync", "-wait", "0s")
	all := append(table, "all 3 brokers answer at the address that they advertise")
	answer = quorum(100)
	does(t, append(all, "all 0 partitions are in sync; all 2 controllers have caught up"), "ready", "-brokers", addresses[0], "-in-sync")
	answer = func(r *kmsg.DescribeQuorumResponse) { r.ErrorCode = kerr.ClusterAuthorizationFailed.Code }
	does(t, append(all, "all 0 partitions are in sync; the controllers were not shown (CLUSTER_AUTHORIZATION_FAILED: Cluster authorization failed.)"),
		"ready", "-brokers", addresses[0], "-in-sync")
}
