import * as fs from "node:fs";
import * as path from "node:path";
import { connect } from "../../components/engine/engine";
import { sightNode } from "../../components/swarm/node-sight";
import { sshReason } from "../../components/engine/ssh-connection";
import { PROJECT_DIR } from "../support/project";
import { tempFolder } from "../support/temp";

const PATH = process.env.PATH;
afterEach(() => {
  process.env.PATH = PATH;
});

/** Puts an ssh in front of the real one that notes its arguments and then does as told. */
function fakeSsh(does: string): string {
  const folder = tempFolder({ calls: "", ssh: `#!/bin/sh\necho "$*" >>"$(dirname "$0")/calls"\n${does}\n` });
  fs.chmodSync(path.join(folder, "ssh"), 0o755);
  process.env.PATH = `${folder}:${PATH}`;
  return path.join(folder, "calls");
}

/** Answers every request on its stdin like an engine that keeps connections. */
const ENGINE = `exec ${process.execPath} ${path.join(PROJECT_DIR, "tests/support/stdio-engine.mjs")}`;

test("an engine is spoken to through the machine's own ssh, which is asked nothing", async () => {
  const calls = fakeSsh(ENGINE);
  const docker = connect("ssh://deploy@10.0.0.2:2222");
  expect(await docker.info()).toEqual({ path: "/info" });
  expect(await docker.version()).toEqual({ path: "/version" });
  // The second request went through the first one's login.
  expect(fs.readFileSync(calls, "utf8")).toBe(
    "-T -o BatchMode=yes -o ConnectTimeout=10 -l deploy -p 2222 -- 10.0.0.2 docker system dial-stdio\n",
  );
});

test("user and port are left to ssh's own configuration", async () => {
  const calls = fakeSsh(ENGINE);
  await connect("ssh://node2").info();
  expect(fs.readFileSync(calls, "utf8")).toContain(" -o ConnectTimeout=10 -- node2 docker ");
});

test("many requests share few logins", async () => {
  const calls = fakeSsh(ENGINE);
  const docker = connect("ssh://node2");
  await Promise.all(Array.from({ length: 20 }, () => docker.info()));
  expect(fs.readFileSync(calls, "utf8").trim().split("\n").length).toBeLessThanOrEqual(4);
});

test("what ssh says against it is the reason", async () => {
  fakeSsh(
    "echo 'Warning: Permanently added x' >&2; echo 'root@node2: Permission denied (publickey).' >&2; exit 255",
  );
  expect(await sightNode("ssh://root@node2")).toEqual({
    silent: "root@node2: Permission denied (publickey).",
  });
  fakeSsh("echo 'This account is currently not available.'; exit 1");
  expect(await sightNode("ssh://root@node2")).toEqual({
    silent: "the login says this instead of docker's answer: This account is currently not available.",
  });
  fakeSsh("exit 3");
  expect(await sightNode("ssh://root@node2")).toEqual({ silent: "ssh ended with 3" });
});

test("a machine without ssh says so", async () => {
  process.env.PATH = tempFolder();
  expect(await sightNode("ssh://root@node2")).toEqual({ silent: "spawn ssh ENOENT" });
});

test.each([
  ["", undefined],
  [
    "** WARNING: not quantum-safe\nssh: connect to host a port 22: Connection refused\n",
    "ssh: connect to host a port 22: Connection refused",
  ],
])("the reason in %j", (said, reason) => expect(sshReason(said)).toBe(reason));
