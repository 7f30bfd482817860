// Package processtest runs a program as a process of its own in the program's
// tests. The process is the test binary again, so nothing is built for it.
package processtest

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	marker = "PROCESSTEST_RUN_MAIN"

	// startTimeout and stopTimeout are for a busy machine; a healthy program
	// takes milliseconds.
	startTimeout = 10 * time.Second
	stopTimeout  = 20 * time.Second
)

// Main is for TestMain: it runs the program if this process was started by
// Start or Run, and the tests otherwise.
func Main(m *testing.M, program func()) {
	if os.Getenv(marker) != "" {
		program()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Run runs the program to its end. env is added to a bare environment.
func Run(t *testing.T, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	p := start(t, env, args...)
	code = p.Wait()
	return code, p.Stdout(), p.Stderr()
}

// Server is a running HTTP service.
type Server struct {
	// Port is one of 127.0.0.1.
	Port int

	t              *testing.T
	command        *exec.Cmd
	stdout, stderr buffer
	ended          chan struct{}
}

// Start starts an HTTP service on a free port, named to it by PORT, and waits
// until GET /health answers. It is killed at the end of the test.
func Start(t *testing.T, env []string, args ...string) *Server {
	t.Helper()
	port := FreePort(t)
	p := start(t, append([]string{"PORT=" + strconv.Itoa(port)}, env...), args...)
	p.Port = port
	for deadline := time.Now().Add(startTimeout); ; time.Sleep(5 * time.Millisecond) {
		if response, err := http.Get(p.URL("/health")); err == nil {
			response.Body.Close()
			return p
		}
		select {
		case <-p.ended:
			t.Fatalf("the program ended at start: %s%s", p.Stdout(), p.Stderr())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("no answer from the program within %s: %s", startTimeout, p.Stderr())
		}
	}
}

func start(t *testing.T, env []string, args ...string) *Server {
	t.Helper()
	p := &Server{t: t, ended: make(chan struct{})}
	p.command = exec.Command(os.Args[0], args...)
	// Under the race detector a process would sleep for a second at its end.
	p.command.Env = append([]string{marker + "=1", "GORACE=atexit_sleep_ms=0"}, env...)
	p.command.Stdout, p.command.Stderr = &p.stdout, &p.stderr
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		p.command.Wait() // Wait below reads the exit code
	}()
	t.Cleanup(func() {
		if err := p.command.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Error(err)
		}
		<-p.ended
	})
	return p
}

// URL returns the address of a path of the service.
func (p *Server) URL(path string) string {
	return "http://127.0.0.1:" + strconv.Itoa(p.Port) + path
}

// Terminate sends SIGTERM.
func (p *Server) Terminate() {
	p.t.Helper()
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
}

// Wait waits for the end of the program and returns its exit code.
func (p *Server) Wait() int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(stopTimeout):
		p.t.Fatalf("the program has not ended after %s: %s", stopTimeout, p.Stderr())
	}
	return p.command.ProcessState.ExitCode()
}

// Stdout returns what the program has written there so far.
func (p *Server) Stdout() string { return p.stdout.String() }

// Stderr returns what the program has written there so far.
func (p *Server) Stderr() string { return p.stderr.String() }

// WaitForLog waits until the program has written text to stderr.
func (p *Server) WaitForLog(text string) {
	p.t.Helper()
	for deadline := time.Now().Add(startTimeout); !strings.Contains(p.Stderr(), text); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("no %q in the log: %s", text, p.Stderr())
		}
	}
}

// FreePort returns a TCP port where nothing listens.
func FreePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// buffer is a bytes.Buffer that is read while it is written.
type buffer struct {
	mu      sync.Mutex
	content bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.content.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.content.String()
}
