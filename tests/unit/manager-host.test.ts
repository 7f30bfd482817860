import { DockerAnswers, runTool, ToolRun } from "../support/fake-docker";
import { tempFolder } from "../support/temp";

const MANAGER = { LocalNodeState: "active", ControlAvailable: true };
const INACTIVE = { LocalNodeState: "inactive", ControlAvailable: false };
const NODES = `
    a: { host: "ssh://a", role: manager }
    w: { host: "ssh://w" }
    b: { host: "ssh://b", role: manager }
    c: { role: manager }`;

/** What the tool says for a stack's file, and engines that say this of their swarm. */
function choose(config: string, engines: Record<string, object | { readonly fails: string }> = {}): ToolRun {
  const answers: DockerAnswers = Object.fromEntries(
    Object.entries(engines).map(([name, says]) => [
      `-H ssh://${name} info --format {{json .Swarm}}`,
      "fails" in says ? (says as { fails: string }) : JSON.stringify(says),
    ]),
  );
  const folder = tempFolder({ "Pulumi.dev.yaml": `config:\n${config}\n` });
  return runTool("manager-host.mjs", [], answers, { folder, env: { SWARM_PATIENCE: "0" } });
}
const nodes = (engines: Parameters<typeof choose>[1]): ToolRun =>
  choose(`  swarm-platform:nodes:${NODES}`, engines);

test.each([
  ["", ""],
  ["  swarm-platform:nodes: { a: { labels: { disk: ssd } } }", ""],
  ["  swarm-platform:host: tcp://10.0.0.1:2376", "tcp://10.0.0.1:2376\n"],
])("nobody is asked where the stack's file says %j", (config, stdout) => {
  expect(choose(config)).toMatchObject({ code: 0, stdout, stderr: "", calls: [] });
});

test("the first manager that leads to a leader is spoken to, and it is said why it is not the first", () => {
  expect(nodes({ a: MANAGER, b: MANAGER })).toMatchObject({ code: 0, stdout: "ssh://a\n", stderr: "" });
  expect(nodes({ a: { fails: "x\nerror: stderr=ssh: Connection refused" }, b: MANAGER })).toMatchObject({
    stdout: "ssh://b\n",
    stderr: "stack dev: speaking to the manager b, because a does not answer: ssh: Connection refused.\n",
  });
  expect(nodes({ a: { ...MANAGER, Error: "no leader" }, b: MANAGER }).stderr).toContain(
    "because a is a manager without a leader (no leader).",
  );
  expect(nodes({ a: INACTIVE, b: MANAGER }).stdout).toBe("ssh://b\n");
});

test("before there is a swarm it is the first", () => {
  expect(nodes({ a: INACTIVE, b: INACTIVE })).toMatchObject({ code: 0, stdout: "ssh://a\n", stderr: "" });
});

test("no second swarm is made while one that does not answer may have it", () => {
  const { code, stdout, stderr } = nodes({ a: INACTIVE, b: { fails: "ssh: No route to host" } });
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toBe(
    "stack dev: no manager of its swarm can be spoken to:\n" +
      "  a (ssh://a) is in no swarm\n" +
      "  b (ssh://b) does not answer: ssh: No route to host\n" +
      "  Most of the managers must run, and reach each other. Is the majority lost for ever, make a new one on one that is left:\n" +
      '  docker swarm init --force-new-cluster (docs.docker.com, "Recover from losing the quorum"). Nothing was changed.\n',
  );
});
