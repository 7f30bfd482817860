// Package cli is the command line that the programs of this module share:
// flags that are also environment variables, structured logs, and a time
// zone that is either right or refused.
package cli

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the image is empty: zones come with the program
)

// Parse reads args into fs. A flag that is not among args takes its value
// from its environment variable (see EnvName) if that is set and not empty.
// All faults of the environment are reported together. The error of -h is
// flag.ErrHelp.
func Parse(fs *flag.FlagSet, envPrefix string, args []string) error {
	fs.Init(fs.Name(), flag.ContinueOnError)
	fs.SetOutput(io.Discard) // the caller prints the error, once
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q: only flags are allowed here, see -h", fs.Arg(0))
	}
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var faults []error
	fs.VisitAll(func(f *flag.Flag) {
		name := EnvName(envPrefix, f.Name)
		value := os.Getenv(name)
		if given[f.Name] || value == "" {
			return
		}
		if err := f.Value.Set(value); err != nil {
			faults = append(faults, fmt.Errorf("invalid value %q for environment variable %s: %w", value, name, err))
		}
	})
	return errors.Join(faults...)
}

// IntVar adds a flag to fs that takes a whole number from min to max.
func IntVar(fs *flag.FlagSet, p *int, name string, value, min, max int, usage string) {
	*p = value
	fs.Var(bounded[int]{p, min, max, strconv.Atoi, "a whole number"}, name, usage)
}

// DurationVar adds a flag to fs that takes a duration from min to max.
func DurationVar(fs *flag.FlagSet, p *time.Duration, name string, value, min, max time.Duration, usage string) {
	*p = value
	fs.Var(bounded[time.Duration]{p, min, max, time.ParseDuration, "a duration"}, name, usage)
}

type bounded[T cmp.Ordered] struct {
	value    *T
	min, max T
	parse    func(string) (T, error)
	kind     string
}

func (b bounded[T]) String() string {
	if b.value == nil { // the flag package asks a zero value too
		return ""
	}
	return fmt.Sprint(*b.value)
}

func (b bounded[T]) Set(text string) error {
	value, err := b.parse(text)
	if err != nil || value < b.min || value > b.max {
		return fmt.Errorf("%s from %v to %v is allowed", b.kind, b.min, b.max)
	}
	*b.value = value
	return nil
}

// EnvName is the environment variable of a flag: the prefix, then the
// flag's name in capitals, "-" written as "_".
func EnvName(envPrefix, flagName string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
}

// PrintFlags writes every flag of fs with its environment variable, meaning
// and default.
func PrintFlags(w io.Writer, fs *flag.FlagSet, envPrefix string) {
	fs.VisitAll(func(f *flag.Flag) {
		kind, usage := flag.UnquoteUsage(f)
		fmt.Fprintf(w, "  -%s %s  (env %s", f.Name, kind, EnvName(envPrefix, f.Name))
		if f.DefValue != "" {
			fmt.Fprintf(w, ", default %s", f.DefValue)
		}
		fmt.Fprintf(w, ")\n        %s\n", usage)
	})
}

// RuntimeUsage describes, for -h, the environment variables that every
// program here obeys without a flag.
const RuntimeUsage = `Environment without a flag:
  TZ          zone of the times in the logs, an IANA name such as Asia/Shanghai (default UTC in a container)
  GOMAXPROCS  CPUs used at once (default: the container's CPU limit)
  GOMEMLIMIT  soft memory limit, such as 100MiB (default none)
`

// UseJSONLogs makes slog write JSON lines with local RFC 3339 times to w, for
// the standard library's log too.
func UseJSONLogs(w io.Writer) {
	slog.SetDefault(slog.New(slog.NewJSONHandler(w, nil)))
}

// LogErrors logs every line of err, a joined error, as a line of its own.
func LogErrors(err error) {
	for line := range strings.SplitSeq(err.Error(), "\n") {
		slog.Error(line)
	}
}

// Say writes lines that start with the local time.
func Say(w io.Writer, format string, args ...any) {
	now := time.Now().Format(time.RFC3339)
	for line := range strings.SplitSeq(fmt.Sprintf(format, args...), "\n") {
		fmt.Fprintln(w, now, line)
	}
}

// CheckTimeZone refuses a TZ that Go doesn't know. Go itself falls back to UTC
// without a word, also for the POSIX form (CST-8) that other programs take.
func CheckTimeZone() error {
	tz := strings.TrimPrefix(os.Getenv("TZ"), ":")
	if filepath.IsAbs(tz) {
		if _, err := os.Stat(tz); err != nil {
			return fmt.Errorf("TZ=%s is not a readable zone file: use an IANA name such as Asia/Shanghai: those are built in", tz)
		}
		return nil
	}
	if _, err := time.LoadLocation(tz); err != nil {
		return fmt.Errorf("TZ=%s is not a known time zone: use an IANA name such as Asia/Shanghai or UTC", tz)
	}
	return nil
}
