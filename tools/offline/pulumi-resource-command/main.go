// pulumi-resource-command is a stand-in for the official command plugin 1.2.1, for machines that can't
// download it. It has local.Command and local.run with the official semantics, without assetPaths and
// archivePaths, and nothing of the remote module.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// version is set by the build.
var version = "0.0.0"

// killDelay is what a cancelled command gets for its own cleanup. Pulumi kills a plugin 5 s after it
// asked it to stop, and a command must not outlive its plugin.
const killDelay = 3 * time.Second

func main() {
	provider, err := newProvider()
	if err == nil {
		err = provider.Run(context.Background(), "command", version)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-resource-command:", err)
		os.Exit(1)
	}
}

func newProvider() (p.Provider, error) {
	return infer.NewProviderBuilder().
		WithResources(infer.Resource(&Command{})).
		WithFunctions(infer.Function(&Run{})).
		Build()
}

// Process is how a command runs.
type Process struct {
	Interpreter            []string          `pulumi:"interpreter,optional"`
	Dir                    *string           `pulumi:"dir,optional"`
	Environment            map[string]string `pulumi:"environment,optional"`
	Stdin                  *string           `pulumi:"stdin,optional"`
	AddPreviousOutputInEnv *bool             `pulumi:"addPreviousOutputInEnv,optional"`
	Logging                *Logging          `pulumi:"logging,optional"`
}

func (a *Process) Annotate(n infer.Annotator) { n.SetDefault(&a.AddPreviousOutputInEnv, true) }

// Logging is the part of a command's output that is shown while it runs.
type Logging string

const (
	logStdout Logging = "stdout"
	logStderr Logging = "stderr"
	logBoth   Logging = "stdoutAndStderr"
	logNone   Logging = "none"
)

func (*Logging) Values() []infer.EnumValue[Logging] {
	return []infer.EnumValue[Logging]{{Value: logStdout}, {Value: logStderr}, {Value: logBoth}, {Value: logNone}}
}

// shows tells whether the stream's output is to be shown.
func (l *Logging) shows(stream Logging) bool {
	return l == nil || *l == logBoth || *l == stream
}

// Output is what a command wrote, each without its last newline.
type Output struct {
	Stdout string `pulumi:"stdout"`
	Stderr string `pulumi:"stderr"`
}

// Command is a resource made, changed and removed by shell commands.
type Command struct{}

// CommandArgs are the inputs of a Command.
type CommandArgs struct {
	Process
	Create   *string `pulumi:"create,optional"`
	Update   *string `pulumi:"update,optional"`
	Delete   *string `pulumi:"delete,optional"`
	Triggers []any   `pulumi:"triggers,optional" provider:"replaceOnChanges"`
}

// CommandState is a Command's inputs with what its last create or update wrote.
type CommandState struct {
	CommandArgs
	Output
}

func (c *Command) Annotate(n infer.Annotator) { n.SetToken("local", "Command") }

// Create runs the create command.
func (c *Command) Create(ctx context.Context, req infer.CreateRequest[CommandArgs]) (infer.CreateResponse[CommandState], error) {
	resp := infer.CreateResponse[CommandState]{Output: CommandState{CommandArgs: req.Inputs}}
	var err error
	if resp.ID, err = resource.NewUniqueHex(req.Name, 8, 0); err != nil || req.DryRun || req.Inputs.Create == nil {
		return resp, err
	}
	resp.Output.Output, err = req.Inputs.run(ctx, *req.Inputs.Create, Output{})
	return resp, err
}

// Update runs the update command, or the create command again where there is none.
func (c *Command) Update(ctx context.Context, req infer.UpdateRequest[CommandArgs, CommandState]) (infer.UpdateResponse[CommandState], error) {
	resp := infer.UpdateResponse[CommandState]{Output: CommandState{CommandArgs: req.Inputs, Output: req.State.Output}}
	command := req.Inputs.Update
	if command == nil {
		command = req.Inputs.Create
	}
	if req.DryRun || command == nil {
		return resp, nil
	}
	var err error
	resp.Output.Output, err = req.Inputs.run(ctx, *command, req.State.Output)
	return resp, err
}

// Delete runs the delete command that was recorded last.
func (c *Command) Delete(ctx context.Context, req infer.DeleteRequest[CommandState]) (infer.DeleteResponse, error) {
	if req.State.Delete == nil {
		return infer.DeleteResponse{}, nil
	}
	_, err := req.State.run(ctx, *req.State.Delete, req.State.Output)
	return infer.DeleteResponse{}, err
}

// Run is the function that runs a command whenever the program does, previews included.
type Run struct{}

// RunArgs are the inputs of Run.
type RunArgs struct {
	Process
	Command string `pulumi:"command"`
}

// RunResult is what Run returns.
type RunResult struct {
	RunArgs
	Output
}

func (r *Run) Annotate(n infer.Annotator) { n.SetToken("local", "run") }

// Invoke runs the command.
func (r *Run) Invoke(ctx context.Context, req infer.FunctionRequest[RunArgs]) (infer.FunctionResponse[RunResult], error) {
	output, err := req.Input.run(ctx, req.Input.Command, Output{})
	return infer.FunctionResponse[RunResult]{Output: RunResult{RunArgs: req.Input, Output: output}}, err
}

// run runs a command to its end. previous is what the resource's last command wrote.
func (a Process) run(ctx context.Context, command string, previous Output) (Output, error) {
	args := a.Interpreter
	if len(args) == 0 {
		args = []string{"/bin/sh", "-c"}
	}
	cmd := exec.CommandContext(ctx, args[0], append(args[1:len(args):len(args)], command)...)
	if a.Dir != nil {
		cmd.Dir = *a.Dir
	}
	if a.Stdin != nil {
		cmd.Stdin = strings.NewReader(*a.Stdin)
	}
	cmd.Env = os.Environ()
	for name, value := range a.Environment {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	if a.AddPreviousOutputInEnv == nil || *a.AddPreviousOutputInEnv {
		if previous.Stdout != "" {
			cmd.Env = append(cmd.Env, "PULUMI_COMMAND_STDOUT="+previous.Stdout)
		}
		if previous.Stderr != "" {
			cmd.Env = append(cmd.Env, "PULUMI_COMMAND_STDERR="+previous.Stderr)
		}
	}

	// A shell passes no signal on to what it runs, so a cancelled command is signalled as a group.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = killDelay

	var all transcript
	log := p.GetLogger(ctx)
	stdout := stream{all: &all, log: log, shown: a.Logging.shows(logStdout)}
	stderr := stream{all: &all, log: log, shown: a.Logging.shows(logStderr)}
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if ctx.Err() != nil && cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // fails when the whole group has ended, as it should
	}
	stdout.end()
	stderr.end()
	if err != nil {
		return Output{}, fmt.Errorf("%w: running %q:\n%s", err, command, all.text.String())
	}
	return Output{
		Stdout: strings.TrimSuffix(stdout.text.String(), "\n"),
		Stderr: strings.TrimSuffix(stderr.text.String(), "\n"),
	}, nil
}

// transcript holds both streams in the order of their arrival, for the message of a failure.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// stream keeps what a command writes and shows it line by line.
type stream struct {
	all   *transcript
	log   p.Logger
	shown bool
	text  bytes.Buffer
	seen  int // how much of text has been shown
}

func (s *stream) Write(b []byte) (int, error) {
	s.all.mu.Lock()
	s.all.text.Write(b)
	s.all.mu.Unlock()
	s.text.Write(b)
	for {
		line, _, whole := bytes.Cut(s.text.Bytes()[s.seen:], []byte("\n"))
		if !whole {
			return len(b), nil
		}
		s.show(line)
		s.seen += len(line) + 1
	}
}

// end shows a last line without a newline.
func (s *stream) end() {
	if rest := s.text.Bytes()[s.seen:]; len(rest) > 0 {
		s.show(rest)
	}
}

func (s *stream) show(line []byte) {
	if s.shown {
		s.log.InfoStatus(string(line))
	}
}
