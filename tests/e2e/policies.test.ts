import { readPolicyEvent, Result as PolicyResult } from "../../policy/report";
import { describeWithEngines, Engine, startEngine } from "../support/engine";
import { Result, Workspace } from "../support/workspace";

const MINUTES = 60_000;

/** Obeys all rules; what differs breaks one. */
const OBEDIENT = `{ readOnly: true, capDrop: ["ALL"], user: "65534:65534", cpus: 0.1, healthcheck: { test: ["CMD", "true"] }`;

// Each test is a preview by the real engine; nothing is deployed.
describeWithEngines("policies", () => {
  let engine: Engine;
  let workspace: Workspace;

  beforeAll(() => {
    engine = startEngine("policies");
    // One event a line; without it --json has no policies.
    const variables = { PULUMI_ENABLE_STREAMING_JSON_PREVIEW: "true" };
    workspace = new Workspace("policies", engine, "dev", {}, variables);
    workspace.policies("development: [dev]");
  }, MINUTES);
  afterAll(() => engine?.stop(), MINUTES);

  /** What make preview says from the first result of a policy on. */
  function preview(): Result & { readonly said: string } {
    const result = workspace.tool("stack.sh", "preview");
    const [, ...after] = result.output.split(/(?=^ {4}swarm-platform@v)/m);
    return { ...result, said: after.join("") };
  }

  test(
    "services that obey pass without a word",
    () => {
      workspace.program(`service("web", ${OBEDIENT} });`);
      expect(preview()).toMatchObject({ code: 0, said: "" });
    },
    2 * MINUTES,
  );

  test(
    "mandatory ones fail the preview at its end, each with service, value and cure; secrets are not quoted",
    () => {
      workspace.program(`
  service("web", ${OBEDIENT}, image: "localhost:5000/busybox", ports: [{ target: 80, published: 8090 }],
    env: { DB: pulumi.secret("hunter2"), LATER: pulumi.output(environment.network.networkId) } });
  new docker.Service("theirs", { name: "theirs", taskSpec: { containerSpec: { image: "busybox:latest" } } }, { provider });`);
      const { code, said, output } = preview();
      expect(code).toBe(1);
      expect(said).toContain(
        "    swarm-platform@v0.1.0 [mandatory]  image-tag  (docker:index:Service: web)\n" +
          '      web: image = "localhost:5000/busybox" (without a tag); allowed: a tag other than latest, or a digest; ' +
          "name the version, such as nginx:1.26.3\n",
      );
      expect(said).toContain("      web: in clear: env DB (a Pulumi secret); make it a file");
      expect(said).toContain("      web: published ports = 8090/tcp; allowed: for no service;");
      for (const rule of ["image-tag", "memory-limit", "health-check"]) {
        expect(said).toContain(`[mandatory]  ${rule}  (docker:index:Service: theirs)\n`);
      }
      expect(said).toContain("[advisory]  read-only-root  (docker:index:Service: theirs)\n");
      expect(said).toContain("error: preview failed");
      expect(output).not.toContain("hunter2");
      expect(output).not.toContain("can't run policy");
    },
    2 * MINUTES,
  );

  test(
    "up with the policies stops before the service is made",
    () => {
      workspace.program(`service("web", ${OBEDIENT}, image: "busybox" });`);
      const { code, output } = workspace.pulumi("up", "--yes", "--skip-preview", "--policy-pack", "policy");
      expect(code).not.toBe(0);
      expect(output).toContain('web: image = "busybox" (without a tag)');
      expect(engine.docker("service", "ls", "--quiet")).toBe("");
    },
    3 * MINUTES,
  );

  test(
    "advisory ones, waivers with their reasons and unused ones are told, and let it pass; events tell the same",
    () => {
      workspace.policies(`
development: [dev]
levels: { published-ports: advisory }
waivers:
  - { rule: read-only-root, service: web, reason: it writes to /srv }
  - { rule: read-only-root, service: gone-*, reason: it was there once }
`);
      workspace.program(`
  service("web", ${OBEDIENT}, readOnly: false, ports: [{ target: 80, published: 8090 }] });
  service("quiet", ${OBEDIENT}, healthcheck: { waived: "it answers nothing" } });`);
      const { code, said } = preview();
      expect({ code, said }).toMatchObject({ code: 0 });
      expect(said).toContain("[advisory]  published-ports  (docker:index:Service: web)\n");
      expect(said).toContain("      read-only-root (advisory), because: it writes to /srv\n");
      expect(said).toContain("      health-check (mandatory), because: it answers nothing\n");
      expect(said).toContain("      the waiver of read-only-root for gone-*: nothing needs it;");

      expect(policyEvents()).toEqual([
        {
          rule: "health-check",
          level: "mandatory",
          message: expect.stringMatching(/^quiet: healthcheck = /) as string,
          waived: "it answers nothing",
        },
        {
          rule: "published-ports",
          level: "advisory",
          message: expect.stringMatching(/^web: published ports = 8090/) as string,
        },
        {
          rule: "read-only-root",
          level: "advisory",
          message: expect.stringMatching(/^web: readOnly = false/) as string,
          waived: "it writes to /srv",
        },
        {
          rule: "unused-waiver",
          level: "advisory",
          message: expect.stringContaining("gone-*") as string,
        },
      ]);
    },
    3 * MINUTES,
  );

  /** The results that Pulumi's events hold, by rule. */
  function policyEvents(): PolicyResult[] {
    const { code, stdout } = workspace.pulumi("preview", "--json", "--policy-pack", "policy");
    expect({ code, stdout }).toMatchObject({ code: 0 });
    return stdout
      .split("\n")
      .filter((line) => line.startsWith('{"'))
      .map((line) => JSON.parse(line) as { policyEvent?: Parameters<typeof readPolicyEvent>[0] })
      .flatMap(({ policyEvent }) => (policyEvent === undefined ? [] : [readPolicyEvent(policyEvent)]))
      .sort((a, b) => (a.rule < b.rule ? -1 : 1));
  }

  test(
    "in production more is asked, and what the stack keeps secret is found in clear",
    () => {
      workspace.policies("waivers: []");
      workspace.program(
        `service("web", ${OBEDIENT}, image: "busybox:1.35", env: { MOTTO: "say " + config.kafka.users.alice } });`,
      );
      const set = workspace.pulumi("config", "set", "--secret", "--path", "kafkaUsers.alice", "open sesame");
      expect(set).toMatchObject({ code: 0 });
      const { code, said } = preview();
      expect(code).toBe(1);
      expect(said).toContain("      network: encrypted = false; allowed: true; set networkEncrypted");
      expect(said).toContain('      web: image = "busybox:1.35"; allowed: one with a digest;');
      expect(said).toContain(
        "      web: replicas = 1; allowed: 2 or more, or global; set replicas to 2 or more\n",
      );
      expect(said).toContain("      web: in clear: env MOTTO (the stack's secret kafkaUsers.alice);");
      expect(said).not.toContain("open sesame");
    },
    3 * MINUTES,
  );

  test(
    "settings with faults fail the preview, all told at once",
    () => {
      workspace.policies("waivers: [{ rule: heath-check, service: web }]\ndevelopmnt: []");
      const { code, said } = preview();
      expect(code).toBe(1);
      expect(said).toContain(
        "    swarm-platform@v0.1.0 [mandatory]  settings  (pulumi:pulumi:Stack: swarm-platform-dev)\n" +
          "      policy/settings.yaml can't be used, and no rule was asked:\n" +
          "        - developmnt is no key; allowed: development, levels, allow, waivers, stackFiles, stacks, perhaps development\n" +
          "        - waivers[0]: heath-check is no rule; allowed: image-tag, ",
      );
      expect(said).toContain(
        ", perhaps health-check\n        - waivers[0].reason not set; allowed: why it need not obey\n",
      );
    },
    2 * MINUTES,
  );
});
