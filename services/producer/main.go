// Producer tests a Kafka cluster from where it runs: it writes messages, reads
// them back, and says in plain words what is wrong with the connection.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"

	"swarm-platform/services/internal/cli"
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
  producer consume   -brokers host:port -topic t [flags]  read from the beginning until every message has come, in order
  producer roundtrip -brokers host:port [flags]           both, on a topic of its own that is deleted afterwards

Message number N (from 0) has the key <prefix>-N. A topic that does not exist is
created by produce and roundtrip, with 1 partition and the cluster's default
replication. One summary line goes to stdout, faults and progress go to stderr.
Exit code: 0 all messages came through, 1 not, 2 wrong usage.

Flags:
`

// options are the flags of every command.
type options struct {
	brokers []string
	topic   string // may be empty for roundtrip
	prefix  string
	count   int
	timeout time.Duration
}

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
		say(stderr, "wrong usage: %v\nsee producer -h", err)
		return exitUsage
	}
	ctx, cancel := context.WithTimeoutCause(ctx, opts.timeout, fmt.Errorf("not done within %s", opts.timeout))
	defer cancel()
	summary, err := command(ctx, opts, stderr)
	if err != nil {
		say(stderr, "%v", err)
		return exitFailed
	}
	say(stdout, "%s", summary)
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
	fs, brokers := newFlags(&opts)
	if err := cli.Parse(fs, envPrefix, args[1:]); err != nil {
		return nil, options{}, err
	}
	var faults []error
	for _, broker := range strings.Split(*brokers, ",") {
		if host, port, err := net.SplitHostPort(broker); err != nil || host == "" || port == "" {
			faults = append(faults, fmt.Errorf("broker %q is not host:port: set -brokers or %s", broker, cli.EnvName(envPrefix, "brokers")))
		}
		opts.brokers = append(opts.brokers, broker)
	}
	optional := args[0] == "roundtrip"
	if !validTopic.MatchString(opts.topic) && (opts.topic != "" || !optional) {
		faults = append(faults, fmt.Errorf("topic %q is not allowed: 1 to 249 letters, digits, '.', '_' or '-': set -topic or %s",
			opts.topic, cli.EnvName(envPrefix, "topic")))
	}
	return chosen, opts, errors.Join(append(faults, cli.CheckTimeZone())...)
}

var validTopic = regexp.MustCompile(`^[A-Za-z0-9._-]{1,249}$`)

func newFlags(opts *options) (fs *flag.FlagSet, brokers *string) {
	fs = flag.NewFlagSet("producer", flag.ContinueOnError)
	brokers = fs.String("brokers", "", "`addresses` to start from, host:port, several separated by commas")
	fs.StringVar(&opts.topic, "topic", "", "`topic` to write or read; roundtrip makes one of its own if none is given")
	fs.StringVar(&opts.prefix, "prefix", "message", "`start` of the keys; roundtrip makes a unique one of it")
	cli.IntVar(fs, &opts.count, "count", 1000, 1, 10_000_000, "`number` of messages")
	cli.DurationVar(fs, &opts.timeout, "timeout", 30*time.Second, 100*time.Millisecond, time.Hour, "`duration` after which what is missing is a failure")
	return fs, brokers
}

func usage(w io.Writer) {
	fmt.Fprint(w, about)
	fs, _ := newFlags(new(options))
	cli.PrintFlags(w, fs, envPrefix)
	fmt.Fprint(w, "\n"+cli.RuntimeUsage)
}

// say writes lines that start with the local time.
func say(w io.Writer, format string, args ...any) {
	now := time.Now().Format(time.RFC3339)
	for line := range strings.SplitSeq(fmt.Sprintf(format, args...), "\n") {
		fmt.Fprintln(w, now, line)
	}
}
