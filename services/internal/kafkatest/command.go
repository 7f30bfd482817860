package kafkatest

import (
	"context"
	"io"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// Patience is for a busy machine.
const Patience = 30 * time.Second

// Program runs a command line and returns the exit code.
type Program func(ctx context.Context, args []string, stdout, stderr io.Writer) int

// Invoke runs a command line to its end.
func (p Program) Invoke(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, faults strings.Builder
	code = p(t.Context(), args, &out, &faults)
	return code, out.String(), faults.String()
}

// Fail expects exit code 1, nothing on stdout and a text on stderr.
func (p Program) Fail(t *testing.T, wantPattern string, args ...string) {
	t.Helper()
	code, stdout, stderr := p.Invoke(t, args...)
	if code != 1 || stdout != "" {
		t.Errorf("%v: exit code %d, stdout %q", args, code, stdout)
	}
	if !regexp.MustCompile(wantPattern).MatchString(stderr) {
		t.Errorf("%v: stderr %q does not match %q", args, stderr, wantPattern)
	}
}

// Running is a command line that was not awaited yet.
type Running struct {
	Stdout, Stderr Output
	t              *testing.T
	code           chan int
}

// Begin starts a command line.
func (p Program) Begin(t *testing.T, args ...string) *Running {
	r := &Running{t: t, code: make(chan int, 1)}
	go func() { r.code <- p(t.Context(), args, &r.Stdout, &r.Stderr) }()
	return r
}

// Expect waits for a text on stderr.
func (r *Running) Expect(pattern string) {
	r.t.Helper()
	wanted := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(Patience); !wanted.MatchString(r.Stderr.String()); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("no %q on stderr: %s", pattern, r.Stderr.String())
		}
	}
}

// Succeed waits for exit code 0 and returns stdout.
func (r *Running) Succeed() string {
	r.t.Helper()
	if code := <-r.code; code != 0 {
		r.t.Fatalf("exit code %d: %s", code, r.Stderr.String())
	}
	return r.Stdout.String()
}

// Output is a strings.Builder that is read while it is written.
type Output struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write never fails.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
