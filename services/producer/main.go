// Producer tests a Kafka cluster from where it runs: it writes messages, reads
// them back, and says in plain words what is wrong with the connection.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"swarm-platform/services/internal/cli"
	"swarm-platform/services/internal/kafka"
)

const (
	envPrefix = "PRODUCER_"

	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

const about = `producer tests a Kafka cluster from where it runs.

Usage:
  producer produce   -brokers host:port -topic t [flags]  write messages, wait until all in-sync replicas have each
  producer consume   -brokers host:port -topic t [flags]  read from the beginning until every message has come, once and in order
  producer roundtrip -brokers host:port [flags]           both, on a topic of its own that is deleted afterwards

Message number N (from 0) has the key <prefix>-N. A topic that does not exist is
created by produce and roundtrip, with 1 partition and the cluster's default
replication. What fails on the way is retried until -timeout, without loss, double
or change of order. A summary goes to stdout, faults and progress go to stderr.
Exit code: 0 all messages came through, 1 not, 2 wrong usage.

The password of -user comes from -password-file or the environment variable PRODUCER_PASSWORD.

Flags:
`

// options are the flags of every command.
type options struct {
	access  kafka.Access
	topic   string // may be empty for roundtrip
	prefix  string
	count   int
	size    int // of a value in bytes; 0: it is the time
	rate    int // messages per second; 0: as fast as possible
	wait    time.Duration
	timeout time.Duration
}

// credentials are what options.access is made of, beside the addresses.
type credentials struct{ user, passwordFile, caFile string }

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
		cli.Say(stderr, "wrong usage: %v\nsee producer -h", err)
		return exitUsage
	}
	limit := opts.wait + opts.timeout
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not done within %s", limit))
	defer cancel()
	summary, err := command(ctx, opts, stderr)
	if err != nil {
		cli.Say(stderr, "%v", err)
		return exitFailed
	}
	cli.Say(stdout, "%s", summary)
	return exitOK
}

type command func(ctx context.Context, opts options, progress io.Writer) (summary string, err error)

func parse(args []string) (command, options, error) {
	commands := map[string]command{"produce": runProduce, "consume": runConsume, "roundtrip": runRoundtrip}
	if len(args) == 0 {
		return nil, options{}, errors.New("the command is missing: produce, consume or roundtrip")
	}
	if args[0] == "-h" || args[0] == "-help" || args[0] == "--help" || args[0] == "help" {
		return nil, options{}, flag.ErrHelp
	}
	chosen, ok := commands[args[0]]
	if !ok {
		return nil, options{}, fmt.Errorf("command %q is not known: produce, consume or roundtrip", args[0])
	}
	var opts options
	var login credentials
	fs, brokers := newFlags(&opts, &login)
	if err := cli.Parse(fs, envPrefix, args[1:]); err != nil {
		return nil, options{}, err
	}
	var faults []error
	opts.access.Bootstrap, faults = kafka.Addresses(*brokers)
	for i, fault := range faults {
		faults[i] = fmt.Errorf("%w: set -brokers or %s", fault, cli.EnvName(envPrefix, "brokers"))
	}
	needsTopic := args[0] == "produce" || args[0] == "consume"
	if needsTopic || opts.topic != "" {
		if err := kafka.CheckTopic(opts.topic); err != nil {
			faults = append(faults, fmt.Errorf("%w: set -topic or %s", err, cli.EnvName(envPrefix, "topic")))
		}
	}
	security, err := login.options()
	opts.access.Security = security
	return chosen, opts, errors.Join(append(faults, err, cli.CheckTimeZone())...)
}

func newFlags(opts *options, login *credentials) (fs *flag.FlagSet, brokers *string) {
	fs = flag.NewFlagSet("producer", flag.ContinueOnError)
	brokers = fs.String("brokers", "", "`addresses` to start from, host:port, several separated by commas")
	fs.StringVar(&opts.topic, "topic", "", "`topic` to write or read; roundtrip makes one of its own if none is given")
	fs.StringVar(&opts.prefix, "prefix", "message", "`start` of the keys; roundtrip makes a unique one of it")
	cli.IntVar(fs, &opts.count, "count", 1000, 1, 10_000_000, "`number` of messages")
	cli.IntVar(fs, &opts.size, "size", 0, 0, 900_000, "`bytes` of a message's value, as of kafka-producer-perf-test's record; 0: it is the time")
	cli.IntVar(fs, &opts.rate, "rate", 0, 0, 10_000_000, "`messages` to write per second; 0: as many as possible")
	cli.DurationVar(fs, &opts.wait, "wait", 0, 0, time.Hour, "`duration` to wait at the start for a cluster that can't be used yet")
	cli.DurationVar(fs, &opts.timeout, "timeout", 30*time.Second, 100*time.Millisecond, time.Hour, "`duration` after which what is missing is a failure, -wait not included")
	fs.StringVar(&login.user, "user", "", "`name` to log in with, by SCRAM-SHA-512; none without")
	fs.StringVar(&login.passwordFile, "password-file", "", "`file` that holds the user's password, such as /run/secrets/kafka")
	fs.StringVar(&login.caFile, "ca-file", "", "`file` with the PEM certificates of who signed the brokers'; with it connections use TLS")
	return fs, brokers
}

// options are those of a client that logs in like this.
func (c credentials) options() (security []kgo.Opt, err error) {
	if c.caFile != "" {
		tls, err := kafka.WithCA(c.caFile)
		if err != nil {
			return nil, fmt.Errorf("%w: set -ca-file or %s", err, cli.EnvName(envPrefix, "ca-file"))
		}
		security = append(security, tls)
	}
	password := os.Getenv(cli.EnvName(envPrefix, "password"))
	if c.passwordFile != "" {
		content, err := os.ReadFile(c.passwordFile)
		if err != nil {
			return nil, fmt.Errorf("can't read the password: %w: set -password-file or %s", err, cli.EnvName(envPrefix, "password-file"))
		}
		password = strings.TrimRight(string(content), "\r\n")
	}
	if (c.user == "") != (password == "") {
		return nil, fmt.Errorf("user and password are needed both, or neither: set -user, and -password-file or %s", cli.EnvName(envPrefix, "password"))
	}
	if c.user != "" {
		security = append(security, kafka.WithUser(c.user, password))
	}
	return security, nil
}

func usage(w io.Writer) {
	fmt.Fprint(w, about)
	fs, _ := newFlags(new(options), new(credentials))
	cli.PrintFlags(w, fs, envPrefix)
	fmt.Fprint(w, "\n"+cli.RuntimeUsage)
}
