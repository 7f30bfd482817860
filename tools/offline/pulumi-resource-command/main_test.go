package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/blang/semver"
	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/integration"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

const (
	commandType = "command:local:Command"
	runToken    = "command:local:run"
)

var urn = resource.NewURN("dev", "project", "", commandType, "c")

// inputs are texts, but where a value is of another type.
type inputs map[string]any

func (in inputs) properties() property.Map {
	m := map[string]property.Value{}
	for name, value := range in {
		m[name] = resource.FromResourcePropertyValue(resource.NewPropertyValue(value))
	}
	return property.NewMap(m)
}

// stack is one resource as the engine keeps it.
type stack struct {
	t      *testing.T
	server integration.Server
	inputs property.Map
	state  property.Map
}

func newStack(t *testing.T) *stack {
	t.Helper()
	provider, err := newProvider()
	must(t, err)
	server, err := integration.NewServer(t.Context(), "command", semver.MustParse("1.2.1"), integration.WithProvider(provider))
	must(t, err)
	return &stack{t: t, server: server}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *stack) check(in inputs) property.Map {
	s.t.Helper()
	resp, err := s.server.Check(p.CheckRequest{Urn: urn, Inputs: in.properties()})
	must(s.t, err)
	if len(resp.Failures) > 0 {
		s.t.Fatalf("check failed: %v", resp.Failures)
	}
	return resp.Inputs
}

func (s *stack) create(in inputs) error {
	s.t.Helper()
	s.inputs = s.check(in)
	resp, err := s.server.Create(p.CreateRequest{Urn: urn, Properties: s.inputs})
	s.state = resp.Properties
	return err
}

// diff returns how each property would change.
func (s *stack) diff(in inputs) map[string]p.PropertyDiff {
	s.t.Helper()
	resp, err := s.server.Diff(p.DiffRequest{ID: "id", Urn: urn, State: s.state, OldInputs: s.inputs, Inputs: s.check(in)})
	must(s.t, err)
	if resp.HasChanges != (len(resp.DetailedDiff) > 0) {
		s.t.Fatalf("HasChanges is %v with %v", resp.HasChanges, resp.DetailedDiff)
	}
	return resp.DetailedDiff
}

func (s *stack) update(in inputs) {
	s.t.Helper()
	news := s.check(in)
	resp, err := s.server.Update(p.UpdateRequest{ID: "id", Urn: urn, State: s.state, OldInputs: s.inputs, Inputs: news})
	must(s.t, err)
	s.inputs, s.state = news, resp.Properties
}

func (s *stack) delete() {
	s.t.Helper()
	must(s.t, s.server.Delete(p.DeleteRequest{ID: "id", Urn: urn, Properties: s.state}))
}

func (s *stack) wants(name, want string) {
	s.t.Helper()
	if got := s.state.Get(name); !got.IsString() || got.AsString() != want {
		s.t.Errorf("%s is %v, want %q", name, got, want)
	}
}

func TestLifeCycle(t *testing.T) {
	s := newStack(t)
	trace := filepath.Join(t.TempDir(), "trace")
	with := func(more inputs) inputs {
		in := inputs{
			"create": `echo "made $NAME"; echo careful >&2`,
			"update": `echo "changed, was $PULUMI_COMMAND_STDOUT/$PULUMI_COMMAND_STDERR"`,
			"delete": `echo "gone, was $PULUMI_COMMAND_STDOUT" >` + trace,
		}
		for name, value := range more {
			in[name] = value
		}
		return in
	}
	must(t, s.create(with(nil)))
	s.wants("stdout", "made ")
	s.wants("stderr", "careful")
	if d := s.diff(with(nil)); len(d) > 0 {
		t.Errorf("the same inputs differ: %v", d)
	}

	changed := with(inputs{"environment": map[string]any{"NAME": "b"}})
	if kind := s.diff(changed)["environment"].Kind; kind != p.Add {
		t.Errorf("a new environment is %q, want an update", kind)
	}
	s.update(changed)
	s.wants("stdout", "changed, was made /careful")
	s.wants("stderr", "")

	s.delete()
	left, err := os.ReadFile(trace)
	must(t, err)
	if string(left) != "gone, was changed, was made /careful\n" {
		t.Errorf("delete saw %q", left)
	}
}

func TestUpdateWithoutScriptCreatesAgain(t *testing.T) {
	s := newStack(t)
	must(t, s.create(inputs{"create": "echo $V.$PULUMI_COMMAND_STDOUT", "environment": map[string]any{"V": "1"}}))
	s.wants("stdout", "1.")
	s.update(inputs{"create": "echo $V.$PULUMI_COMMAND_STDOUT", "environment": map[string]any{"V": "2"}})
	s.wants("stdout", "2.1.")
	s.update(inputs{"create": "echo $V.$PULUMI_COMMAND_STDOUT", "addPreviousOutputInEnv": false})
	s.wants("stdout", ".")
}

func TestPreviewOfAnUpdateKnowsNoOutput(t *testing.T) {
	s := newStack(t)
	must(t, s.create(inputs{"create": "echo a"}))
	resp, err := s.server.Update(p.UpdateRequest{
		ID: "id", Urn: urn, State: s.state, OldInputs: s.inputs, Inputs: s.check(inputs{"create": "echo b"}), DryRun: true,
	})
	must(t, err)
	if got := resp.Properties.Get("stdout"); !got.IsComputed() {
		t.Errorf("stdout is %v, want unknown", got)
	}
}

func TestTriggersReplace(t *testing.T) {
	s := newStack(t)
	must(t, s.create(inputs{"create": "true", "update": "false"}))
	if kind := s.diff(inputs{"create": "true", "update": "false", "triggers": []any{"b"}})["triggers"].Kind; kind != p.AddReplace {
		t.Errorf("new triggers are %q, want a replacement", kind)
	}
}

func TestInterpreterDirAndStdin(t *testing.T) {
	s := newStack(t)
	dir := t.TempDir()
	must(t, s.create(inputs{
		"create": "print(input(), __import__('os').getcwd(), end='\\n\\n')", "stdin": "hello\n", "dir": dir,
		"interpreter": []any{"python3", "-c"},
	}))
	s.wants("stdout", "hello "+dir+"\n")
}

func TestFailureTellsTheOutputInOrder(t *testing.T) {
	err := newStack(t).create(inputs{"create": "echo one; sleep 0.1; echo two >&2; exit 3"})
	want := "exit status 3: running \"echo one; sleep 0.1; echo two >&2; exit 3\":\none\ntwo\n"
	if err == nil || err.Error() != want {
		t.Errorf("error is %q, want %q", err, want)
	}
}

func TestUnknownInputIsAnError(t *testing.T) {
	resp, err := newStack(t).server.Check(p.CheckRequest{Urn: urn, Inputs: inputs{"creat": "true"}.properties()})
	must(t, err)
	if len(resp.Failures) != 1 || !strings.Contains(resp.Failures[0].Reason, "creat") {
		t.Errorf("check says %v", resp.Failures)
	}
}

func TestRun(t *testing.T) {
	resp, err := newStack(t).server.Invoke(p.InvokeRequest{Token: runToken, Args: inputs{"command": "echo a; exit 0"}.properties()})
	must(t, err)
	if got := resp.Return.Get("stdout"); !got.IsString() || got.AsString() != "a" {
		t.Errorf("stdout is %v", got)
	}
}

// A cancelled command may clean up. What ignores the signal is killed, in the background too.
func TestCancel(t *testing.T) {
	s := newStack(t)
	dir := t.TempDir()
	ended := make(chan error, 1)
	go func() {
		ended <- s.create(inputs{"dir": dir, "create": `
			(trap "" INT; while sleep 0.1; do echo >>beats; done) &
			trap 'echo >cleaned' INT
			wait; wait`})
	}()
	size := func(name string) int64 {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			return 0
		}
		return info.Size()
	}
	for range 500 { // 5 s
		if size("beats") > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	start := time.Now()
	must(t, s.server.Cancel())
	if err := <-ended; err == nil {
		t.Error("a cancelled create reports success")
	}
	if took := time.Since(start); took > killDelay+time.Second {
		t.Errorf("it took %v, want at most %v", took, killDelay)
	}
	if size("cleaned") == 0 {
		t.Error("the command could not clean up")
	}
	last := size("beats")
	time.Sleep(300 * time.Millisecond)
	if size("beats") != last {
		t.Error("what the command started still runs")
	}
}
