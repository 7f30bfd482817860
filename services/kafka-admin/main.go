// Kafka-admin brings a Kafka cluster to what is declared, and says whether it is
// ready, from where it runs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"swarm-platform/services/internal/cli"
	"swarm-platform/services/internal/kafka"
)

const (
	envPrefix = "KAFKA_ADMIN_"

	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

const about = `kafka-admin waits for a Kafka cluster and brings it to what is declared.

Usage:
  kafka-admin ready -brokers host:port [flags]               ask each broker at the address that it advertises
  kafka-admin apply -brokers host:port -plan '{...}' [flags] make topics, replicas, min.insync.replicas and users what the plan says

The plan is JSON; other fields are a fault:
  ` + planExample + `
replicationFactor is replication if it is not given. Every topic that the plan
does not list, Kafka's own included, gets at least that many replicas; nothing
else of it is changed. Of a listed topic, a setting that is not in config goes
back to its default. A topic with "remove": true is deleted with its data.

A users file is a JSON object of names and passwords: {"alice": "..."}. What was
done goes to stdout, one line each; faults and progress go to stderr.
Exit code: 0 done, 1 not, 2 wrong usage.
`

// options are those of both commands.
type options struct {
	access kafka.Access
	wait   time.Duration

	// Of ready:
	expect int // brokers; 0: any number
	inSync bool

	// Of apply:
	plan  plan
	users map[string]string // password by name; nil: users are left alone
}

// command tells what it has done, and what it waits for.
type command func(ctx context.Context, opts options, done, progress func(format string, args ...any)) error

var commands = map[string]command{"ready": runReady, "apply": runApply}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	command, opts, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		usage(stdout)
		return exitOK
	}
	if err != nil {
		cli.Say(stderr, "wrong usage: %v\nsee kafka-admin -h", err)
		return exitUsage
	}
	done := func(format string, args ...any) { cli.Say(stdout, format, args...) }
	progress := func(format string, args ...any) { cli.Say(stderr, format, args...) }
	if err := command(ctx, opts, done, progress); err != nil {
		progress("%v", err)
		return exitFailed
	}
	return exitOK
}

func parse(args []string) (command, options, error) {
	if len(args) == 0 {
		return nil, options{}, errors.New("the command is missing: ready or apply")
	}
	if args[0] == "-h" || args[0] == "-help" || args[0] == "--help" || args[0] == "help" {
		return nil, options{}, flag.ErrHelp
	}
	chosen, ok := commands[args[0]]
	if !ok {
		return nil, options{}, fmt.Errorf("command %q is not known: ready or apply", args[0])
	}
	var opts options
	var given texts
	if err := cli.Parse(newFlags(args[0], &opts, &given), envPrefix, args[1:]); err != nil {
		return nil, options{}, err
	}
	return chosen, opts, errors.Join(given.into(&opts, args[0]), cli.CheckTimeZone())
}

// texts are flags that must be read further.
type texts struct{ brokers, user, usersFile, caFile, plan string }

func newFlags(command string, opts *options, given *texts) *flag.FlagSet {
	fs := flag.NewFlagSet("kafka-admin "+command, flag.ContinueOnError)
	fs.StringVar(&given.brokers, "brokers", "", "`addresses` to start from, host:port, several separated by commas")
	fs.StringVar(&given.caFile, "ca-file", "", "`file` with the PEM certificates of who signed the brokers'; with it connections use TLS")
	fs.StringVar(&opts.access.Listener, "listener", "", "`name` of the listener that is asked, such as EXTERNAL, for messages")
	fs.StringVar(&opts.access.Cure, "cure", "", "`text` that says what to set when a broker advertises a wrong address")
	if command == "ready" {
		cli.DurationVar(fs, &opts.wait, "wait", 2*time.Minute, 0, time.Hour, "`duration` to wait for what is not so yet")
		cli.IntVar(fs, &opts.expect, "expect", 0, 0, 1000, "`number` of brokers that must be registered at least; 0: any")
		fs.BoolVar(&opts.inSync, "in-sync", false, "wait also until each replica and each controller has caught up")
		fs.StringVar(&given.usersFile, "users-file", "", "`file` with the user to log in as, by SCRAM-SHA-512, such as /run/secrets/kafka-users; no login without")
		fs.StringVar(&given.user, "user", "", "`name` to log in as; without it the first of the users file, sorted")
		return fs
	}
	cli.DurationVar(fs, &opts.wait, "wait", 5*time.Minute, 0, time.Hour, "`duration` to wait for what is not so yet, new replicas included")
	fs.StringVar(&given.plan, "plan", "", "`JSON` of what is to be")
	fs.StringVar(&given.usersFile, "users-file", "", "`file` with all users that are to be, such as /run/secrets/kafka-users; users are left alone without")
	return fs
}

// into reads the texts, and reports all faults together.
func (t texts) into(opts *options, command string) error {
	var faults []error
	fault := func(err error, flagName string) {
		if err != nil {
			faults = append(faults, fmt.Errorf("%w: set -%s or %s", err, flagName, cli.EnvName(envPrefix, flagName)))
		}
	}
	addresses, wrong := kafka.Addresses(t.brokers)
	for _, err := range wrong {
		fault(err, "brokers")
	}
	opts.access.Bootstrap = addresses
	if t.caFile != "" {
		tls, err := kafka.WithCA(t.caFile)
		fault(err, "ca-file")
		opts.access.Security = append(opts.access.Security, tls)
	}
	var err error
	if t.usersFile != "" {
		opts.users, err = readUsers(t.usersFile)
		fault(err, "users-file")
	}
	if command == "apply" {
		opts.plan, err = parsePlan(t.plan)
		fault(err, "plan")
	} else if err == nil && (t.user != "" || opts.users != nil) {
		user, err := chooseUser(opts.users, t.user)
		fault(err, "users-file")
		opts.access.Security = append(opts.access.Security, kafka.WithUser(user, opts.users[user]))
	}
	return errors.Join(faults...)
}

func usage(w io.Writer) {
	fmt.Fprint(w, about)
	for _, command := range []string{"ready", "apply"} {
		fmt.Fprintf(w, "\nFlags of %s:\n", command)
		cli.PrintFlags(w, newFlags(command, new(options), new(texts)), envPrefix)
	}
	fmt.Fprint(w, "\n"+cli.RuntimeUsage)
}
