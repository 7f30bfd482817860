package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"swarm-platform/services/internal/kafka"
)

const (
	// attemptPause is between two comparisons of the cluster with the plan.
	attemptPause = 500 * time.Millisecond
	// requestPatience is how long the client itself repeats a request.
	requestPatience = 10 * time.Second

	minInSyncReplicas = "min.insync.replicas"
)

// applier brings a cluster to a plan. It compares, does what can be done now, and
// compares again until nothing is left: so it may be interrupted, repeated, and
// meet brokers that don't know yet what others do.
type applier struct {
	plan  plan
	users map[string]string // nil: left alone

	client *kgo.Client
	admin  *kadm.Client

	tell    func(format string, args ...any) // of what is done
	told    map[string]bool
	changed bool
	// moving are the topics that get other replicas, with the number that they had.
	moving map[string]int
}

// pending is what needs no more than time.
type pending struct{ text string }

func (p pending) Error() string { return p.text }

// runApply fails if the plan is not reached within opts.wait.
func runApply(ctx context.Context, opts options, done, progress func(string, ...any)) error {
	start := time.Now()
	told := ""
	waiting := func(reason string) {
		if reason != told {
			progress("%s", waitingFor(reason))
			told = reason
		}
	}
	found, err := kafka.WaitFor(ctx, opts.access, kafka.Patience{Wait: opts.wait}, waiting, func(_ context.Context, c kafka.Cluster) error {
		return errors.Join(c.Faults(), opts.plan.enoughFor(c))
	})
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(slices.Concat(opts.access.Security, []kgo.Opt{
		kgo.SeedBrokers(found.Addresses()...),
		kgo.DialTimeout(kafka.DialTimeout),
		kgo.RetryTimeout(requestPatience),
		kgo.RequestTimeoutOverhead(requestPatience),
	})...)
	if err != nil {
		return err
	}
	defer client.Close()
	a := &applier{plan: opts.plan, users: opts.users, client: client, admin: kadm.NewClient(client),
		tell: done, told: map[string]bool{}, moving: map[string]int{}}
	for {
		err := a.attempt(ctx)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
		if !passing(err) {
			return err
		}
		if time.Since(start) > opts.wait && err.Error() != "" {
			return fmt.Errorf("not done within %s: %w", opts.wait, err)
		}
		if err.Error() != "" {
			waiting(err.Error())
		}
		select {
		case <-time.After(attemptPause):
		case <-ctx.Done():
		}
	}
	switch {
	case a.changed:
	case len(a.users) > 0:
		done("nothing else had to change")
	default:
		done("nothing had to change")
	}
	return nil
}

// passing is whether an error may end by itself.
func passing(err error) bool {
	if _, ok := errors.AsType[pending](err); ok {
		return true
	}
	if answer, ok := errors.AsType[*kerr.Error](err); ok {
		switch answer {
		case kerr.InvalidReplicationFactor, kerr.InvalidReplicaAssignment, // a broker is away
			kerr.TopicAlreadyExists, kerr.InvalidPartitions, kerr.ReassignmentInProgress: // brokers don't know the latest
			return true
		}
		return answer.Retriable
	}
	class, _ := kafka.Explain(err)
	return class == kafka.ClassDNS || class == kafka.ClassConnect || class == kafka.ClassTimeout || kgo.IsRetryableBrokerErr(err)
}

// did tells what was done, once: a broker that doesn't know it yet lets it be
// done again.
func (a *applier) did(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if !a.told[line] {
		a.tell("%s", line)
		a.told[line] = true
		a.changed = true
	}
}

// passwordSet is no change: it is done each time.
func (a *applier) passwordSet(user string) { a.tell("user %s: password set", user) }

// answered is what a broker answered about one thing, with its own words if it
// has any.
func answered(what string, err error, message string) error {
	if message == "" {
		return fmt.Errorf("%s: %w", what, kafka.Plain(err))
	}
	return fmt.Errorf("%s: %w", what, refusal{err, message})
}

type refusal struct {
	error
	message string
}

func (r refusal) Unwrap() error { return r.error }

func (r refusal) Error() string {
	if answer, ok := errors.AsType[*kerr.Error](r.error); ok {
		return answer.Message + ": " + r.message
	}
	return r.message
}

// state is what the cluster has.
type state struct {
	brokers    []int32
	partitions []partition
	byTopic    map[string][]partition
	internal   map[string]bool
	configs    map[string][]kadm.Config // of the listed topics and of Kafka's own
}

// attempt does what can be done now. An error that is passing means that another
// attempt is needed.
func (a *applier) attempt(ctx context.Context) error {
	now, err := a.read(ctx)
	if err != nil {
		return err
	}
	alterations := a.alterations(now)
	if err := a.check(ctx, now, alterations); err != nil {
		return err
	}
	changedTopics, err := a.applyTopics(ctx, now)
	if err != nil {
		return err
	}
	if changedTopics {
		return pending{} // read again
	}
	for _, alteration := range alterations {
		if err := a.alter(ctx, alteration); err != nil {
			return err
		}
	}
	if err := a.applyReplicas(ctx, now); err != nil {
		return err
	}
	if err := a.applyMinInSync(ctx, now); err != nil {
		return err
	}
	if a.users != nil {
		return a.applyUsers(ctx)
	}
	return nil
}

func (a *applier) read(ctx context.Context) (state, error) {
	partitions, metadata, err := allPartitions(ctx, a.client)
	if err != nil {
		return state{}, fmt.Errorf("can't list the topics: %w", kafka.Plain(err))
	}
	now := state{partitions: partitions, byTopic: map[string][]partition{}, internal: map[string]bool{}, configs: map[string][]kadm.Config{}}
	for _, b := range metadata.Brokers {
		now.brokers = append(now.brokers, b.NodeID)
	}
	slices.Sort(now.brokers)
	for _, p := range partitions {
		now.byTopic[p.topic] = append(now.byTopic[p.topic], p)
	}
	var names []string
	for _, t := range metadata.Topics {
		if t.Topic != nil && (t.IsInternal || isInternal(*t.Topic)) {
			now.internal[*t.Topic] = true
			names = append(names, *t.Topic)
		}
	}
	for _, t := range a.plan.Topics {
		if len(now.byTopic[t.Name]) > 0 && !t.Remove {
			names = append(names, t.Name)
		}
	}
	if len(names) == 0 {
		return now, nil
	}
	configs, err := a.admin.DescribeTopicConfigs(ctx, names...)
	if err != nil {
		return state{}, fmt.Errorf("can't read the topics' settings: %w", kafka.Plain(err))
	}
	for _, c := range configs {
		if c.Err != nil {
			return state{}, answered("topic "+c.Name, c.Err, c.ErrMessage)
		}
		now.configs[c.Name] = c.Configs
	}
	return now, nil
}

// alteration is of one topic's settings.
type alteration struct {
	topic   string
	changes []kadm.AlterConfig
	lines   []string // what to say when it is done
}

// alterations are those that bring the listed topics to their config.
func (a *applier) alterations(now state) []alteration {
	var all []alteration
	for _, t := range a.plan.Topics {
		current, exists := now.configs[t.Name]
		if !exists || t.Remove {
			continue
		}
		if one := configDifference(t, current); len(one.changes) > 0 {
			all = append(all, one)
		}
	}
	return all
}

func configDifference(t topicPlan, current []kadm.Config) alteration {
	one := alteration{topic: t.Name}
	byName := map[string]kadm.Config{}
	for _, c := range current {
		byName[c.Key] = c
	}
	for _, name := range slices.Sorted(maps.Keys(t.Config)) {
		was, wanted := byName[name], t.Config[name]
		old := was.MaybeValue()
		if was.Source != kmsg.ConfigSourceDynamicTopicConfig {
			old += " (default)"
		} else if old == wanted {
			continue
		}
		one.changes = append(one.changes, kadm.AlterConfig{Op: kadm.SetConfig, Name: name, Value: &wanted})
		one.lines = append(one.lines, fmt.Sprintf("topic %s: %s %s -> %s", t.Name, name, strings.TrimSpace(old), wanted))
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		was := byName[name]
		if _, wanted := t.Config[name]; wanted || was.Source != kmsg.ConfigSourceDynamicTopicConfig {
			continue
		}
		one.changes = append(one.changes, kadm.AlterConfig{Op: kadm.DeleteConfig, Name: name})
		one.lines = append(one.lines, fmt.Sprintf("topic %s: %s %s -> default", t.Name, name, was.MaybeValue()))
	}
	return one
}

// check finds all faults that can be known before anything is changed.
func (a *applier) check(ctx context.Context, now state, alterations []alteration) error {
	var faults []error
	for _, t := range a.plan.Topics {
		n := len(now.byTopic[t.Name])
		if t.Remove || n == 0 || t.Partitions >= n {
			continue
		}
		faults = append(faults, fmt.Errorf("topic %s: has %d partitions, %d are wanted: Kafka can't take partitions away: "+
			"set at least %d, or make a new topic", t.Name, n, t.Partitions, n))
	}
	for _, one := range alterations {
		answers, err := a.admin.ValidateAlterTopicConfigs(ctx, one.changes, one.topic)
		faults = append(faults, one.fault(answers, err))
	}
	for _, t := range a.plan.Topics {
		if !t.Remove && len(now.byTopic[t.Name]) == 0 {
			answers, err := a.admin.ValidateCreateTopics(ctx, int32(t.Partitions), int16(t.ReplicationFactor), t.settings(), t.Name)
			faults = append(faults, creationFault(t, answers, err))
		}
	}
	return worst(faults)
}

// worst leaves out what is passing if there is anything that is not.
func worst(faults []error) error {
	lasting := slices.DeleteFunc(slices.Clone(faults), func(err error) bool { return err == nil || passing(err) })
	if len(lasting) > 0 {
		return errors.Join(lasting...)
	}
	return errors.Join(faults...)
}

func (t topicPlan) settings() map[string]*string {
	settings := map[string]*string{}
	for name, value := range t.Config {
		settings[name] = &value
	}
	return settings
}

// creationFault is nil if the topic is there already.
func creationFault(t topicPlan, answers kadm.CreateTopicResponses, err error) error {
	if err != nil {
		return fmt.Errorf("can't create topic %s: %w", t.Name, kafka.Plain(err))
	}
	if answer := answers[t.Name]; answer.Err != nil && answer.Err != kerr.TopicAlreadyExists {
		return answered("can't create topic "+t.Name, answer.Err, answer.ErrMessage)
	}
	return nil
}

func (one alteration) fault(answers kadm.AlterConfigsResponses, err error) error {
	if err != nil {
		return fmt.Errorf("can't change topic %s: %w", one.topic, kafka.Plain(err))
	}
	for _, answer := range answers {
		if answer.Err != nil {
			return answered("topic "+one.topic, answer.Err, answer.ErrMessage)
		}
	}
	return nil
}

func (a *applier) alter(ctx context.Context, one alteration) error {
	answers, err := a.admin.AlterTopicConfigs(ctx, one.changes, one.topic)
	if err := one.fault(answers, err); err != nil {
		return err
	}
	for _, line := range one.lines {
		a.did("%s", line)
	}
	return nil
}

// applyTopics deletes, creates and extends topics.
func (a *applier) applyTopics(ctx context.Context, now state) (changed bool, err error) {
	for _, t := range a.plan.Topics {
		if !t.Remove || len(now.byTopic[t.Name]) == 0 {
			continue
		}
		answer, err := a.admin.DeleteTopic(ctx, t.Name)
		if err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
			return false, answered("can't delete topic "+t.Name, err, answer.ErrMessage)
		}
		a.did("topic %s: deleted", t.Name)
		changed = true
	}
	for _, t := range a.plan.Topics {
		n := len(now.byTopic[t.Name])
		if t.Remove || n >= t.Partitions {
			continue
		}
		changed = true
		if n == 0 {
			answers, err := a.admin.CreateTopics(ctx, int32(t.Partitions), int16(t.ReplicationFactor), t.settings(), t.Name)
			if err := creationFault(t, answers, err); err != nil {
				return false, err
			}
			a.did("topic %s: created with %d partitions, %d replicas", t.Name, t.Partitions, t.ReplicationFactor)
			continue
		}
		answers, err := a.admin.UpdatePartitions(ctx, t.Partitions, t.Name)
		if err != nil {
			return false, fmt.Errorf("can't extend topic %s: %w", t.Name, kafka.Plain(err))
		}
		if answer := answers[t.Name]; answer.Err != nil {
			return false, answered("can't extend topic "+t.Name, answer.Err, answer.ErrMessage)
		}
		a.did("topic %s: %d -> %d partitions", t.Name, n, t.Partitions)
	}
	return changed, nil
}

// applyReplicas gives partitions the replicas that they should have. It is
// pending until the new ones are in sync.
func (a *applier) applyReplicas(ctx context.Context, now state) error {
	// The controller knows, while a broker's metadata may be older.
	request := kmsg.NewPtrListPartitionReassignmentsRequest() // no topics: all
	request.TimeoutMillis = int32(requestPatience.Milliseconds())
	ongoing, err := request.RequestWith(ctx, a.client)
	if err == nil {
		err = kerr.ErrorForCode(ongoing.ErrorCode)
	}
	if err != nil {
		return fmt.Errorf("can't list the partitions that are being moved: %w", kafka.Plain(err))
	}
	var copying []string
	for _, t := range ongoing.Topics {
		for _, p := range t.Partitions {
			copying = append(copying, partition{topic: t.Topic, number: p.Partition}.String())
		}
	}
	if len(copying) > 0 {
		return pending{fmt.Sprintf("partitions that are being copied to other replicas: %d, %s", len(copying), some(copying))}
	}

	wanted := map[string]int{}
	for _, t := range a.plan.Topics {
		if !t.Remove {
			wanted[t.Name] = t.ReplicationFactor
		}
	}
	moves := spread(now.partitions, now.brokers, func(p partition) int {
		if n, listed := wanted[p.topic]; listed {
			return n
		}
		return max(len(p.replicas), a.plan.Replication)
	})
	if len(moves) > 0 {
		return a.move(ctx, moves)
	}

	var behind []string
	for _, p := range now.partitions {
		if _, moved := a.moving[p.topic]; moved && p.behind() {
			behind = append(behind, p.fault())
		}
	}
	if len(behind) > 0 {
		return pending{fmt.Sprintf("partitions whose new replicas are not in sync yet: %d, %s", len(behind), some(behind))}
	}
	for _, topic := range slices.Sorted(maps.Keys(a.moving)) {
		a.did("topic %s: %d -> %d replicas", topic, a.moving[topic], len(now.byTopic[topic][0].replicas))
		delete(a.moving, topic)
	}
	return nil
}

func (a *applier) move(ctx context.Context, moves []move) error {
	var request kadm.AlterPartitionAssignmentsReq
	var names []string
	for _, m := range moves {
		request.Assign(m.topic, m.number, m.to)
		names = append(names, m.String())
		if _, known := a.moving[m.topic]; !known {
			a.moving[m.topic] = len(m.replicas)
		}
	}
	answers, err := a.admin.AlterPartitionAssignments(ctx, request)
	if err != nil {
		return fmt.Errorf("can't move replicas: %w", kafka.Plain(err))
	}
	var faults []error
	for _, answer := range answers.Sorted() {
		if answer.Err != nil {
			faults = append(faults, answered(fmt.Sprintf("can't move partition %s-%d", answer.Topic, answer.Partition), answer.Err, answer.ErrMessage))
		}
	}
	if len(faults) > 0 {
		return worst(faults)
	}
	return pending{fmt.Sprintf("partitions that get other replicas: %d, %s", len(moves), some(names))}
}

// applyMinInSync sets the cluster's min.insync.replicas, and raises that of
// Kafka's own topics that have one. It is pending while writes would be refused
// from then on.
//
// A broker of Kafka 4.1 fails at every start if its metadata log has, since the
// latest snapshot, a topic that was made and deleted, and then a change of this
// setting of the cluster (measured with 4.1.0 and 4.1.2; 4.2.1 and 4.3.1 start,
// 4.3.1 also with such a log of 4.1.0): so it is only changed if it differs.
func (a *applier) applyMinInSync(ctx context.Context, now state) error {
	current, err := a.admin.DescribeBrokerConfigs(ctx) // of the cluster as a whole
	if err != nil {
		return fmt.Errorf("can't read the cluster's settings: %w", kafka.Plain(err))
	}
	old := "default"
	for _, resource := range current {
		if resource.Err != nil {
			return answered("can't read the cluster's settings", resource.Err, resource.ErrMessage)
		}
		if value, ok := configValue(resource.Configs, minInSyncReplicas, kmsg.ConfigSourceDynamicDefaultBrokerConfig, kmsg.ConfigSourceDynamicBrokerConfig); ok {
			old = value
		}
	}
	if wanted := strconv.Itoa(a.plan.MinInSync); old != wanted {
		var few []string
		for _, p := range now.partitions {
			if len(p.isr) < min(a.plan.MinInSync, len(p.replicas)) {
				few = append(few, p.fault())
			}
		}
		if len(few) > 0 {
			return pending{fmt.Sprintf("partitions that could not be written to with %s %d: %d, %s", minInSyncReplicas, a.plan.MinInSync, len(few), some(few))}
		}
		answers, err := a.admin.AlterBrokerConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: minInSyncReplicas, Value: &wanted}})
		if err != nil {
			return fmt.Errorf("can't set the cluster's %s: %w", minInSyncReplicas, kafka.Plain(err))
		}
		for _, answer := range answers {
			if answer.Err != nil {
				return answered("can't set the cluster's "+minInSyncReplicas, answer.Err, answer.ErrMessage)
			}
		}
		a.did("cluster: %s %s -> %s", minInSyncReplicas, old, wanted)
	}
	for _, topic := range slices.Sorted(maps.Keys(now.internal)) {
		value, own := configValue(now.configs[topic], minInSyncReplicas, kmsg.ConfigSourceDynamicTopicConfig)
		if n, err := strconv.Atoi(value); !own || err != nil || n >= a.plan.MinInSync {
			continue
		}
		wanted := strconv.Itoa(a.plan.MinInSync)
		if err := a.alter(ctx, alteration{topic,
			[]kadm.AlterConfig{{Op: kadm.SetConfig, Name: minInSyncReplicas, Value: &wanted}},
			[]string{fmt.Sprintf("topic %s: %s %s -> %s", topic, minInSyncReplicas, value, wanted)},
		}); err != nil {
			return err
		}
	}
	return nil
}

// configValue returns the value of a setting if it comes from one of these.
func configValue(configs []kadm.Config, name string, sources ...kmsg.ConfigSource) (string, bool) {
	for _, c := range configs {
		if c.Key == name && slices.Contains(sources, c.Source) {
			return c.MaybeValue(), true
		}
	}
	return "", false
}
