package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"swarm-platform/services/internal/kafkatest"
)

func planOf(topics string) string {
	return `{"replication":3,"minInSync":2,"topics":[` + topics + `]}`
}

// settled is a cluster of three with the plan's min.insync.replicas.
func settled(t *testing.T, opts ...kfake.Opt) (cluster *kfake.Cluster, apply []string) {
	t.Helper()
	cluster = kafkatest.NewCluster(t, append(opts, kfake.NumBrokers(3))...)
	apply = []string{"apply", "-brokers", strings.Join(cluster.ListenAddrs(), ","), "-wait", "30s", "-plan"}
	does(t, []string{"cluster: min.insync.replicas default -> 2"}, append(apply, planOf(""))...)
	return cluster, apply
}

var nothing = []string{"nothing had to change"}

func TestTopics(t *testing.T) {
	cluster, apply := settled(t)
	step := func(want []string, topics string) {
		t.Helper()
		does(t, want, append(apply, planOf(topics))...)
		does(t, nothing, append(apply, planOf(topics))...)
	}
	step([]string{"topic orders: created with 3 partitions, 3 replicas", "topic small: created with 1 partitions, 1 replicas"},
		`{"name":"orders","partitions":3,"config":{"retention.ms":"1"}},{"name":"small","partitions":1,"replicationFactor":1}`)
	if info := cluster.TopicInfo("orders"); info == nil || *info.Configs["retention.ms"] != "1" {
		t.Errorf("made %+v", info)
	}
	step([]string{"topic orders: 3 -> 6 partitions", "topic orders: cleanup.policy delete (default) -> compact", "topic orders: retention.ms 1 -> 2"},
		`{"name":"orders","partitions":6,"config":{"retention.ms":"2","cleanup.policy":"compact"}},{"name":"small","partitions":1,"replicationFactor":1}`)
	// Drift by hand.
	step([]string{"topic orders: cleanup.policy compact -> default", "topic orders: retention.ms 2 -> default"}, `{"name":"orders","partitions":6},{"name":"small","partitions":1,"replicationFactor":1}`)
	step([]string{"topic small: deleted"}, `{"name":"small","remove":true},{"name":"never","remove":true}`)
	if cluster.TopicInfo("orders") == nil || cluster.TopicInfo("small") != nil {
		t.Error("the wrong topic was deleted")
	}
}

func TestFaultsBeforeAnyChange(t *testing.T) {
	cluster, apply := settled(t, kfake.SeedTopics(4, "a", "b"))
	// The fake takes any setting; this is how Kafka answers.
	invalid := func(request kmsg.Request) bool { return request.(*kmsg.IncrementalAlterConfigsRequest).ValidateOnly }
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.IncrementalAlterConfigs}, Resource: "b", Err: kerr.InvalidConfig, Count: -1, When: invalid})
	fails(t, []string{
		"topic a: has 4 partitions, 3 are wanted: Kafka can't take partitions away: set at least 4, or make a new topic",
		"topic b: has 4 partitions, 1 are wanted: Kafka can't take partitions away: set at least 4, or make a new topic",
		"topic b: INVALID_CONFIG: Configuration is invalid.",
	}, append(apply, planOf(`{"name":"new","partitions":1},{"name":"a","partitions":3},{"name":"b","partitions":1,"config":{"no.such":"1"}},{"name":"old","remove":true}`))...)
	if cluster.TopicInfo("new") != nil {
		t.Error("a topic was made all the same")
	}
	address := cluster.ListenAddrs()[0]
	has := " brokers, the cluster at " + address + " has 3 (0=" + address + ", 1=" + cluster.ListenAddrs()[1] + ", 2=" + cluster.ListenAddrs()[2] + "): start the others, or lower it"
	fails(t, []string{`"replication" 4 needs 4` + has, `topic "new": "replicationFactor" 5 needs 5` + has},
		"apply", "-brokers", address, "-wait", "0s", "-plan", `{"replication":4,"minInSync":2,"topics":[{"name":"new","partitions":1,"replicationFactor":5}]}`)
}

// What a broker says is told, and what may pass is waited for.
func TestAnswers(t *testing.T) {
	cluster, apply := settled(t)
	create := append(apply, planOf(`{"name":"t","partitions":1}`))
	denied := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.TopicAuthorizationFailed, Count: -1})
	fails(t, []string{"can't create topic t: permission: TOPIC_AUTHORIZATION_FAILED: this user may not do that: look at the ACLs"}, create...)
	denied.Remove()
	away := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.InvalidReplicationFactor, Count: -1})
	why := "can't create topic t: INVALID_REPLICATION_FACTOR: Replication factor is below 1 or larger than the number of available brokers."
	fails(t, []string{"not done within 1s: " + why}, "apply", "-brokers", cluster.ListenAddrs()[0], "-wait", "1s", "-plan", create[len(create)-1])
	waiting := admin.Begin(t, create...)
	waiting.Expect("waiting: " + why)
	away.Remove()
	if stdout := waiting.Succeed(); !strings.Contains(stdout, "topic t: created") {
		t.Errorf("stdout %q", stdout)
	}
}

func TestReplicas(t *testing.T) {
	m := newModel(t,
		partition{"__consumer_offsets", 0, 1, []int32{1}, []int32{1}},
		partition{"__consumer_offsets", 1, 1, []int32{1}, []int32{1}},
		partition{"fewer", 0, 2, []int32{0, 1, 2}, []int32{0, 1, 2}},
		partition{"full", 0, 0, []int32{0, 1, 2}, []int32{0, 1, 2}},
	)
	if err := m.CreateTopic("__transaction_state", 1, map[string]string{"min.insync.replicas": "1"}); err != nil {
		t.Fatal(err)
	}
	m.partitions = append(m.partitions, partition{"__transaction_state", 0, 2, []int32{2}, []int32{2}})
	apply := []string{"apply", "-brokers", m.ListenAddrs()[0], "-wait", "30s", "-plan", planOf(`{"name":"fewer","partitions":1,"replicationFactor":1}`)}
	code, stdout, stderr := admin.Invoke(t, apply...)
	if want := []string{
		"topic __consumer_offsets: 1 -> 3 replicas", "topic __transaction_state: 1 -> 3 replicas", "topic fewer: 3 -> 1 replicas",
		"cluster: min.insync.replicas default -> 2", "topic __transaction_state: min.insync.replicas 1 -> 2",
	}; code != exitOK || strings.Join(lines(stdout), "\n") != strings.Join(want, "\n") {
		t.Errorf("exit code %d, stdout:\n%s", code, stdout)
	}
	for _, want := range []string{
		"waiting: partitions that get other replicas: 4, __consumer_offsets-0, __consumer_offsets-1, __transaction_state-0, fewer-0\n",
		"waiting: partitions that are being copied to other replicas: 4, ",
	} {
		if !strings.Contains(stderr, want) {
			t.Errorf("no %q in %s", want, stderr)
		}
	}
	for name, want := range map[string][]int32{"__consumer_offsets-0": {1, 0, 2}, "__consumer_offsets-1": {1, 0, 2}, "fewer-0": {2}} {
		if got := m.moving[name].replicas; numbers(got) != numbers(want) {
			t.Errorf("%s is on %v, want %v", name, got, want)
		}
	}
	does(t, nothing, apply...)
}

// min.insync.replicas is not raised while that would stop writes.
func TestMinInSyncWaits(t *testing.T) {
	m := newModel(t, partition{"t", 0, 0, []int32{0, 1, 2}, []int32{0}})
	waiting := admin.Begin(t, "apply", "-brokers", m.ListenAddrs()[0], "-plan", planOf(""))
	waiting.Expect(`waiting: partitions that could not be written to with min.insync.replicas 2: 1, t-0 \(in sync on 0 of 0, 1, 2\)`)
	m.mu.Lock()
	m.partitions[0].isr = []int32{0, 1}
	m.mu.Unlock()
	waiting.Succeed()
}

func TestUsers(t *testing.T) {
	cluster, apply := settled(t)
	apply = append(apply, planOf(""), "-users-file")
	address := cluster.ListenAddrs()[0]
	client, err := kgo.NewClient(kgo.SeedBrokers(address))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	does(t, []string{"user alice: password set", "user bob: password set", "nothing else had to change"}, append(apply, usersFile(t, `{"bob": "pw-b", "alice": "pw-a"}`))...)
	does(t, []string{"user alice: deleted", "user bob: password set"}, append(apply, usersFile(t, `{"bob": "pw-c"}`))...)
	users, err := kadm.NewClient(client).DescribeUserSCRAMs(t.Context())
	if err != nil || len(users) != 1 || len(users["bob"].CredInfos) != 1 || users["bob"].CredInfos[0].Mechanism != kadm.ScramSha512 {
		t.Errorf("users %v, error %v", users, err)
	}
	does(t, nothing, apply[:len(apply)-1]...) // without a file users are left alone
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.AlterUserSCRAMCredentials}, Err: kerr.UnacceptableCredential, Count: -1})
	fails(t, []string{"user bob: UNACCEPTABLE_CREDENTIAL: Requested credential would not meet criteria for acceptability."}, append(apply, usersFile(t, `{"bob": "pw-d"}`))...)
}

func TestInterruptEndsAtOnce(t *testing.T) {
	m := newModel(t, partition{"t", 0, 0, []int32{0, 1, 2}, []int32{0}})
	ctx, interrupt := context.WithCancel(t.Context())
	time.AfterFunc(300*time.Millisecond, interrupt)
	start := time.Now()
	var stdout, stderr strings.Builder
	code := run(ctx, []string{"apply", "-brokers", m.ListenAddrs()[0], "-plan", planOf("")}, &stdout, &stderr)
	if took := time.Since(start); code != exitFailed || took > 2*time.Second || !strings.HasSuffix(stderr.String(), " interrupted\n") {
		t.Errorf("exit code %d after %s, stderr %q", code, took, stderr.String())
	}
}
