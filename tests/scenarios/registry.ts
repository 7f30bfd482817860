import * as fs from "node:fs";
import * as path from "node:path";
import { describeWithEngines, LocalEngine, startEngine } from "../support/engine";
import { startRegistry } from "../support/registry";
import type { Select } from "../support/scenario";
import { replicas } from "../support/swarm-objects";
import { Workspace } from "../support/workspace";

const MINUTES = 60_000;

const PROGRAM = `
  const tool = await buildImage("tool", { context: "tool", dockerfile: "tool/Dockerfile" });
  service("web", { image: tool });`;
const PASSWORD = "hush-8213-hush";

/** Changes the image that is built. */
function write(workspace: Workspace, content: string): void {
  fs.mkdirSync(path.join(workspace.folder, "tool"), { recursive: true });
  fs.writeFileSync(
    path.join(workspace.folder, "tool/Dockerfile"),
    `FROM busybox:1.35\nRUN echo ${content} > /content\n`,
  );
}

function imageOf(engine: LocalEngine, service: string): string {
  return engine.docker(
    "service",
    "inspect",
    service,
    "--format",
    "{{.Spec.TaskTemplate.ContainerSpec.Image}}",
  );
}

/** All that a preview shows. */
function previewed(workspace: Workspace): string {
  return workspace.succeed("stack.sh", "preview").output;
}

interface Case {
  readonly name: string;
  readonly run: (tools: Tools) => void | Promise<void>;
}

interface Tools {
  readonly engine: LocalEngine;
  /** One with the small program on it, and a state of its own. */
  readonly workspace: (config: Readonly<Record<string, string>>, name?: string) => Workspace;
  /** Another engine, which is stopped at the end. */
  readonly another: (...flags: string[]) => LocalEngine;
}

const REFERENCE = /^127\.0\.0\.1:5000\/team\/tool:[0-9a-f]{12}@sha256:[0-9a-f]{64}$/;

const CASES: readonly Case[] = [
  {
    name: "built images are pushed once and run by digest; one that is down changes nothing, and is said when it is needed",
    run: async ({ engine, workspace: start }) => {
      const registry = await startRegistry(engine);
      const workspace = start({ registry: `${registry.address}/team` });
      workspace.succeed("stack.sh", "up");
      const image = imageOf(engine, "dev_web");
      expect(image).toMatch(REFERENCE);
      expect(registry.images()).toEqual([expect.stringMatching(/^team\/tool:[0-9a-f]{12}$/)]);
      // People see the tag.
      expect(engine.docker("service", "ls", "--format", "{{.Image}}")).toBe(image.split("@")[0]);

      registry.stop();
      expect(workspace.preview()).toEqual([]);
      const unchanged = workspace.succeed("stack.sh", "up");
      expect(unchanged.output).toContain(
        `warning: The registry ${registry.address} can't be asked: Get "http://${registry.address}/v2/": dial tcp ` +
          `${registry.address}: connect: connection refused; see that it runs and that the engine reaches it`,
      );

      write(workspace, "two");
      const failed = workspace.tool("stack.sh", "up");
      expect(failed.code).not.toBe(0);
      expect(failed.output).toMatch(
        /error: before hook "tool-push" failed: \S+\/team\/tool:[0-9a-f]{12} can't be pushed: .*connection refused; see that it runs/,
      );
      expect(imageOf(engine, "dev_web")).toBe(image);
      expect(replicas(engine, "dev_web")).toBe("1/1");

      registry.start();
      workspace.succeed("stack.sh", "up");
      expect(registry.images()).toHaveLength(2);
      expect(imageOf(engine, "dev_web")).toMatch(REFERENCE);
      expect(imageOf(engine, "dev_web")).not.toBe(image);
      expect(workspace.preview()).toEqual([]);
    },
  },
  {
    name: "another state with the same registry builds and pushes nothing, and knows the digest in its first preview",
    run: async ({ engine, workspace: start }) => {
      const registry = await startRegistry(engine);
      const first = start({ registry: `${registry.address}/team` });
      first.succeed("stack.sh", "up");
      const image = imageOf(engine, "dev_web");
      first.succeed("stack.sh", "destroy");

      const second = start({ registry: `${registry.address}/team` }, "second");
      expect(previewed(second)).toContain(`"${image}"`);
      second.succeed("stack.sh", "up");
      expect(imageOf(engine, "dev_web")).toBe(image);
      const names = second.state().resources.map(({ urn }) => urn.split("::").slice(2).join(" "));
      expect(names.filter((name) => /(RemoteImage tool|Command tool-push)$/.test(name))).toEqual([]);
      expect(second.preview()).toEqual([]);
    },
  },
  {
    name: "what the registry has lost shows in the preview, and is pushed again; what the engine has lost does not matter",
    run: async ({ engine, workspace: start }) => {
      const registry = await startRegistry(engine);
      const workspace = start({ registry: `${registry.address}/team` });
      workspace.succeed("stack.sh", "up");
      const image = imageOf(engine, "dev_web");
      const there = registry.images();

      registry.empty();
      expect(registry.images()).toEqual([]);
      expect(workspace.previewFields()).toEqual(["update command:local:Command tool-push: environment.SEEN"]);
      workspace.succeed("stack.sh", "up");
      expect(registry.images()).toEqual(there);
      expect(imageOf(engine, "dev_web")).toBe(image);

      engine.docker("image", "rm", "--force", image.split("@")[0]!);
      expect(workspace.preview()).toEqual([]);
    },
  },
  {
    name: "a login of the stack's own: refused when it is wrong, and in no state in clear",
    run: async ({ engine, workspace: start }) => {
      const registry = await startRegistry(engine, { login: `me:${PASSWORD}` });
      const workspace = start({ registry: `{ address: "${registry.address}", namespace: team }` });
      const without = workspace.tool("stack.sh", "up");
      expect(without.code).not.toBe(0);
      expect(without.output).toMatch(
        /can't be pushed: .*; it wants a login: docker login 127\.0\.0\.1:5000, or pulumi config set --path registry\.auth\.username/,
      );

      const login = (password: string): void => {
        const set = ["config", "set", "--path", "registry.auth.username", "me"];
        expect(workspace.pulumi(...set).code).toBe(0);
        const secret = ["config", "set", "--secret", "--path", "registry.auth.password", password];
        expect(workspace.pulumi(...secret).code).toBe(0);
      };
      login("expired-password");
      const refused = workspace.tool("stack.sh", "up");
      expect(refused.code).not.toBe(0);
      expect(refused.output).toContain(
        "the login of me is wrong, has expired, or may not do this: docker login",
      );

      login(PASSWORD);
      const { output } = workspace.succeed("stack.sh", "up");
      expect(imageOf(engine, "dev_web")).toMatch(REFERENCE);
      expect(workspace.preview()).toEqual([]);
      const said = [without.output, refused.output, output, previewed(workspace), files(workspace)].join(
        "\n",
      );
      for (const form of [PASSWORD, Buffer.from(PASSWORD).toString("base64"), "expired-password"]) {
        expect(said.includes(form)).toBe(false);
      }
    },
  },
  {
    name: "a certificate that the engine does not trust, and none at all, are said with what to do on each node",
    run: async ({ engine, workspace: start, another }) => {
      const registry = await startRegistry(engine, { host: engine.address, tls: true });
      const workspace = start({ registry: registry.address });
      const { code, output } = workspace.tool("stack.sh", "up");
      expect(code).not.toBe(0);
      const { address, certificate = "" } = registry;
      expect(output).toContain(
        `put the authority's certificate at /etc/docker/certs.d/${address}/ca.crt on every node`,
      );
      engine.write(`/etc/docker/certs.d/${address}/ca.crt`, certificate);
      workspace.succeed("stack.sh", "up");
      expect(imageOf(engine, "dev_web")).toContain(`${address}/tool:`);

      const other = another();
      const plain = await startRegistry(other, { host: other.address });
      const daemonJson = `"insecure-registries": ["${plain.address}"] in /etc/docker/daemon.json`;
      workspace.configure({ registry: plain.address });
      expect(workspace.tool("stack.sh", "up").output).toContain(daemonJson);
      workspace.configure({ registry: `{ address: "${plain.address}", insecure: true }` });
      const early = workspace.tool("stack.sh", "preview");
      expect(early.code).not.toBe(0);
      expect(early.output).toMatch(/registry\.insecure is true, but the engine of \S+ would not use/);
      expect(early.output).toContain(daemonJson);
    },
  },
  {
    name: "the digest of an image that others built stays, whatever becomes of its tag, until somebody asks",
    run: async ({ engine, workspace: start }) => {
      const registry = await startRegistry(engine);
      const image = `${registry.address}/theirs:1`;
      engine.docker("pull", "busybox:1.35");
      engine.docker("tag", "busybox:1.35", image);
      engine.docker("push", image);
      const workspace = start({ nginxImage: image });
      workspace.program(`service("web", { image: await pullImage("nginx", config.images.nginx) });`);
      workspace.succeed("stack.sh", "up");
      const before = imageOf(engine, "dev_web");
      expect(before).toMatch(/^127\.0\.0\.1:5000\/theirs:1@sha256:[0-9a-f]{64}$/);
      expect(workspace.succeed("update-images.sh").output).toContain("nothing is newer.");

      engine.docker("commit", engine.docker("create", image, "true"), image);
      engine.docker("push", image);
      expect(workspace.preview()).toEqual([]);
      registry.stop();
      expect(workspace.preview()).toEqual([]);
      workspace.succeed("stack.sh", "up");
      const unasked = workspace.tool("update-images.sh");
      expect(unasked.code).not.toBe(0);
      expect(unasked.output).toMatch(/theirs:1 +[0-9a-f]{12} +not known: .*connection refused/);

      registry.start();
      const digest = engine
        .docker("image", "inspect", image, "--format", "{{index .RepoDigests 0}}")
        .split("@")[1]!;
      const { output } = workspace.succeed("update-images.sh");
      const short = [before.split("@sha256:")[1], digest.slice("sha256:".length)].map((text) =>
        text?.slice(0, 12),
      );
      expect(output).toMatch(new RegExp(`theirs:1 +${short.join(" +")}`));
      expect(imageOf(engine, "dev_web")).toBe(before);
      expect(workspace.previewFields().sort()).toEqual([
        "replace docker:index/remoteImage:RemoteImage nginx: name",
        "update docker:index/service:Service web: taskSpec.containerSpec.image",
      ]);
      workspace.succeed("stack.sh", "up");
      expect(imageOf(engine, "dev_web")).toBe(`${image}@${digest}`);
      expect(workspace.preview()).toEqual([]);
      expect(workspace.succeed("update-images.sh").output).toContain("nothing is newer.");
    },
  },
  {
    name: "the builtin registry serves all nodes, with TLS and a login that is in no state in clear",
    run: ({ engine, workspace: start, another }) => {
      const workspace = start({ registry: "builtin" });
      workspace.program(`
        const tool = await buildImage("tool", { context: "tool", dockerfile: "tool/Dockerfile" });
        service("web", { image: tool, replicas: "global" });`);
      workspace.succeed("stack.sh", "up");
      expect(workspace.preview()).toEqual([]);

      const worker = another();
      const token = engine.docker("swarm", "join-token", "--quiet", "worker");
      worker.docker(
        ...["swarm", "join", "--token", token, "--advertise-addr", worker.address, `${engine.address}:2377`],
      );
      write(workspace, "two");
      workspace.succeed("stack.sh", "up");
      // The one that it replaced may still be stopping.
      const newest = worker.docker("ps", "--latest", "--quiet", "--filter", "name=dev_web");
      expect(worker.docker("exec", newest, "cat", "/content")).toBe("two");
      const image = imageOf(engine, "dev_web");
      expect(image).toMatch(/^127\.0\.0\.1:5443\/tool:[0-9a-f]{12}@sha256:[0-9a-f]{64}$/);
      expect(workspace.preview()).toEqual([]);

      // From outside it has TLS, and wants the login.
      const ask = (scheme: string): string =>
        engine.docker(
          ...["run", "--rm", "--network", "host", "--entrypoint", "curl", "nginx:1.26.3"],
          ...["-sk", "-o", "/dev/null", "-w", "%{http_code}", `${scheme}://${worker.address}:5443/v2/`],
        );
      expect(ask("https")).toBe("401");
      expect(ask("http")).toBe("400");

      const { output } = workspace.pulumi("stack", "export", "--show-secrets");
      const [, password = ""] = /\\"password\\":\\"([0-9a-f]{48})\\"/.exec(output) ?? [];
      expect(password).toHaveLength(48);
      expect(files(workspace)).not.toContain(password);

      // Its data is lost: all of it comes back.
      const container = engine.docker("ps", "--filter", "name=dev_registry.1", "--format", "{{.ID}}");
      engine.docker("exec", container, "rm", "-rf", "/var/lib/registry/docker");
      engine.docker("kill", container);
      workspace.succeed("stack.sh", "up");
      expect(workspace.preview()).toEqual([]);
      expect(imageOf(engine, "dev_web")).toBe(image);
    },
  },
];

/** All that lies in the folder of the state. */
function files(workspace: Workspace): string {
  const folder = path.join(workspace.folder, ".state");
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => fs.readFileSync(path.join(entry.parentPath, entry.name), "latin1"))
    .join("\n");
}

/** The registry of built images. */
export function registry(engineName: string, select: Select): void {
  describeWithEngines("registries", () => {
    const engines: LocalEngine[] = [];
    afterEach(() => engines.splice(0).forEach((one) => one.stop()), MINUTES);

    test.each(select(CASES))(
      "$name",
      async ({ run }) => {
        const another = (...flags: string[]): LocalEngine => {
          const engine = startEngine(`${engineName}${engines.length || ""}`, ...flags);
          engines.push(engine);
          return engine;
        };
        const engine = another();
        const workspace = (config: Readonly<Record<string, string>>, name = "first"): Workspace => {
          const one = new Workspace(`${engineName}-${name}`, engine, "dev", config);
          one.program(PROGRAM);
          write(one, "one");
          return one;
        };
        await run({ engine, workspace, another });
      },
      8 * MINUTES,
    );
  });
}
