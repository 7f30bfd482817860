// pulumi-language-nodejs is a stand-in for Pulumi's official Node.js language host, for machines that
// can't download it. It runs programs and policy packs; it neither installs their packages nor
// generates code.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/shlex"
	pulumi "github.com/pulumi/pulumi/sdk/v3"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
)

// version is set by the build.
var version = "0.0.0"

// alreadyReported is the exit code of a program that has told the user what went wrong.
const alreadyReported = 32

// host starts programs for one engine.
type host struct {
	pulumirpc.UnimplementedLanguageRuntimeServer

	engine string
	ctx    context.Context // done when the engine cancels this host, interrupts it or is gone
	cancel context.CancelFunc
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "pulumi-language-nodejs is started by pulumi, with the engine's address as the last argument")
		os.Exit(2)
	}
	h := &host{engine: os.Args[len(os.Args)-1]}
	h.ctx, h.cancel = signal.NotifyContext(context.Background(), os.Interrupt)
	if err := h.serve(); err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-language-nodejs:", err)
		os.Exit(1)
	}
}

func (h *host) serve() error {
	// An engine that was killed can't stop its hosts.
	if err := rpcutil.Healthcheck(h.ctx, h.engine, 5*time.Minute, h.cancel); err != nil {
		return err
	}
	stop := make(chan bool)
	context.AfterFunc(h.ctx, func() { close(stop) })
	server, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel: stop,
		Init: func(s *grpc.Server) error {
			pulumirpc.RegisterLanguageRuntimeServer(s, h)
			return nil
		},
	})
	if err != nil {
		return err
	}
	fmt.Println(server.Port)
	return <-server.Done
}

func (h *host) Handshake(context.Context, *pulumirpc.LanguageHandshakeRequest) (*pulumirpc.LanguageHandshakeResponse, error) {
	return &pulumirpc.LanguageHandshakeResponse{}, nil
}

func (h *host) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: version}, nil
}

func (h *host) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	h.cancel()
	return &emptypb.Empty{}, nil
}

// GetRequiredPackages names the plugins that belong to the installed npm packages.
func (h *host) GetRequiredPackages(_ context.Context, req *pulumirpc.GetRequiredPackagesRequest) (*pulumirpc.GetRequiredPackagesResponse, error) {
	resp := &pulumirpc.GetRequiredPackagesResponse{}
	for _, pattern := range []string{"*", "@*/*"} {
		files, _ := filepath.Glob(filepath.Join(req.Info.ProgramDirectory, "node_modules", pattern, "package.json"))
		for _, file := range files {
			text, err := os.ReadFile(file)
			var pkg struct {
				Name, Version string
				Pulumi        struct {
					Resource              bool
					Name, Version, Server string
				}
			}
			// A "pulumi" field of another shape is another package's business.
			if err != nil || json.Unmarshal(text, &pkg) != nil || !pkg.Pulumi.Resource {
				continue
			}
			resp.Packages = append(resp.Packages, &pulumirpc.PackageDependency{
				Kind:    "resource",
				Name:    cmp.Or(pkg.Pulumi.Name, strings.TrimPrefix(pkg.Name, "@pulumi/")),
				Version: "v" + strings.TrimPrefix(cmp.Or(pkg.Pulumi.Version, pkg.Version), "v"),
				Server:  pkg.Pulumi.Server,
			})
		}
	}
	return resp, nil
}

// Run runs a program to its end.
func (h *host) Run(ctx context.Context, req *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	args := []string{
		"--monitor", req.MonitorAddress, "--engine", h.engine, "--organization", req.Organization,
		"--project", req.Project, "--stack", req.Stack, "--root-directory", req.Info.RootDirectory,
		"--pwd", req.Info.ProgramDirectory, "--parallel", strconv.Itoa(int(req.Parallel)),
	}
	if req.DryRun {
		args = append(args, "--dry-run")
	}
	args = append(append(args, req.Info.EntryPoint), req.Args...)

	// The SDK takes an absent value for a broken host, so an empty one is {} or [], never null.
	config, secrets := map[string]string{}, []string{}
	maps.Copy(config, req.Config)
	secrets = append(secrets, req.ConfigSecretKeys...)

	node, err := h.node(ctx, "run", req.Info, args)
	if err != nil {
		return &pulumirpc.RunResponse{Error: err.Error()}, nil
	}
	node.Env = append(node.Env, "PULUMI_CONFIG="+toJSON(config), "PULUMI_CONFIG_SECRET_KEYS="+toJSON(secrets))
	// Node makes the files it inherits non-blocking, which would lose lines; copied through a pipe they
	// stay as they are.
	node.Stdout = struct{ *os.File }{os.Stdout}
	node.Stderr = struct{ *os.File }{os.Stderr}

	err = node.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return &pulumirpc.RunResponse{}, nil
	case errors.As(err, &exit) && exit.ExitCode() == alreadyReported:
		return &pulumirpc.RunResponse{Bail: true}, nil
	case errors.As(err, &exit):
		return &pulumirpc.RunResponse{Error: "Program exited with non-zero exit code: " + strconv.Itoa(exit.ExitCode())}, nil
	default:
		return &pulumirpc.RunResponse{Error: "could not run " + node.Path + ": " + err.Error()}, nil
	}
}

// RunPlugin runs a policy pack until the engine closes the stream. The pack learns of its stack only
// from its environment, so the proxy answers the engine until it has told that.
func (h *host) RunPlugin(req *pulumirpc.RunPluginRequest, stream pulumirpc.LanguageRuntime_RunPluginServer) error {
	if req.Kind != "analyzer" {
		return fmt.Errorf("this stand-in runs programs and policy packs, not plugins of kind %q", req.Kind)
	}
	ctx := stream.Context()
	closer, stdout, stderr, err := rpcutil.MakeRunPluginStreams(stream, false)
	if err != nil {
		return err
	}
	defer closer.Close()
	proxy, stdout, err := pulumi.NewPolicyProxy(ctx, stdout)
	if err != nil {
		return err
	}
	stack, err := proxy.AwaitConfiguration(ctx)
	if err != nil {
		return fmt.Errorf("policy pack %s got no stack configuration: %w", req.Info.ProgramDirectory, err)
	}

	node, err := h.node(ctx, "run-policy-pack", req.Info, append(req.Args, req.Info.ProgramDirectory))
	if err != nil {
		return err
	}
	node.Dir, node.Stdout, node.Stderr = req.Info.ProgramDirectory, stdout, stderr
	node.Env = append(node.Env, req.Env...)
	if stack != nil {
		node.Env = append(node.Env,
			"PULUMI_NODEJS_ORGANIZATION="+stack.Organization, "PULUMI_NODEJS_PROJECT="+stack.Project,
			"PULUMI_NODEJS_STACK="+stack.Stack, "PULUMI_NODEJS_DRY_RUN="+strconv.FormatBool(stack.DryRun))
		if len(stack.Config) > 0 {
			node.Env = append(node.Env, "PULUMI_CONFIG="+toJSON(stack.Config))
		}
	}
	if err := node.Start(); err != nil {
		return err
	}
	return proxy.Attach(ctx, node)
}

// node returns the command that runs one of the SDK's entry scripts under the options of Pulumi.yaml.
// It is interrupted, and killed if that does not help, when the call or the host ends.
func (h *host) node(ctx context.Context, script string, info *pulumirpc.ProgramInfo, args []string) (*exec.Cmd, error) {
	path, err := findSDK(info.ProgramDirectory)
	if err != nil {
		return nil, err
	}
	options := info.Options.AsMap()
	text := func(key string) string { s, _ := options[key].(string); return s }
	nodeArgs, err := shlex.Split(text("nodeargs"))
	if err != nil {
		return nil, fmt.Errorf("option nodeargs of Pulumi.yaml, %q: %w", text("nodeargs"), err)
	}
	nodeArgs = append(nodeArgs, filepath.Join(path, "cmd", script, "index.js"))

	ctx, cancel := context.WithCancel(ctx)
	context.AfterFunc(h.ctx, cancel)
	cmd := exec.CommandContext(ctx, "node", append(nodeArgs, args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	cmd.Env = os.Environ()
	if options["typescript"] != false {
		cmd.Env = append(cmd.Env, "PULUMI_NODEJS_TYPESCRIPT=true")
	}
	if tsconfig := text("tsconfig"); tsconfig != "" {
		cmd.Env = append(cmd.Env, "PULUMI_NODEJS_TSCONFIG_PATH="+tsconfig)
	}
	return cmd, nil
}

// findSDK looks for @pulumi/pulumi as Node does: in this directory's node_modules, then in its parents'.
func findSDK(dir string) (string, error) {
	for d := dir; ; d = filepath.Dir(d) {
		path := filepath.Join(d, "node_modules", "@pulumi", "pulumi")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		if d == filepath.Dir(d) {
			return "", fmt.Errorf("the npm package @pulumi/pulumi is not installed in %s: run npm install there", dir)
		}
	}
}

// toJSON is for maps and lists of texts, which all have a JSON form.
func toJSON(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}
