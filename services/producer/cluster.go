package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"swarm-platform/services/internal/cli"
	"swarm-platform/services/internal/kafka"
)

// connect looks at the cluster, for at most opts.wait if it can't be used yet,
// and warns of the brokers that are missing from it.
func connect(ctx context.Context, opts options, progress io.Writer) (kafka.Cluster, error) {
	tell := func(reason string) { cli.Say(progress, "waiting: %s", reason) }
	found, err := kafka.WaitFor(ctx, opts.access, kafka.Patience{Wait: opts.wait}, tell,
		func(context.Context, kafka.Cluster) error { return nil })
	if err != nil {
		return found, err
	}
	if fault := found.Faults(); fault != nil {
		cli.Say(progress, "warning: %s", strings.ReplaceAll(fault.Error(), "\n", "\nwarning: "))
		cli.Say(progress, "warning: going on with %d of %d brokers", len(found.Usable()), len(found.Brokers))
	}
	return found, nil
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
		return fmt.Errorf("can't create topic %s: %w", topic, kafka.Plain(err))
	}
	return nil
}

func topicExists(ctx context.Context, client *kgo.Client, topic string) (bool, error) {
	topics, err := kadm.NewClient(client).ListTopics(ctx, topic)
	if err != nil {
		return false, fmt.Errorf("can't look up topic %s: %w", topic, kafka.Plain(err))
	}
	return topics.Has(topic), nil
}
