#!/usr/bin/env node
// Prints the Engine API of the manager to speak to, for DOCKER_HOST: the stack's `host`, else the first of its `nodes` with
// role manager that is a manager of a swarm with a leader. Prints nothing where the stack names none (STACK, default dev).
//
// Before there is a swarm it is the first of them. Exit 1 when none is a manager although one of them does not answer: that
// one may be, and a second swarm must not be made beside its own.
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { parse } from "yaml";
import { fail, say, stack } from "./docker-cli.mjs";

/** How long one engine may take to answer, in ms. */
const PATIENCE = 15_000;
/** How long a majority may take to elect a leader and to answer again, in ms. */
const ELECTION = Number(process.env.SWARM_PATIENCE ?? 60_000);

const file = `Pulumi.${stack}.yaml`;
const config = (existsSync(file) && parse(readFileSync(file, "utf8"))?.config) || {};
const own = config["swarm-platform:host"];
const managers = Object.entries(config["swarm-platform:nodes"] ?? {})
  .filter(([, node]) => node?.host && node.role === "manager")
  .map(([name, { host }]) => ({ name, host }));

if (own) console.log(own);
else if (managers.length > 0) console.log(await choose());

async function choose() {
  let seen = await lookAtAll();
  const waits = () => !seen.some(leads) && !seen.every(({ state }) => state === "inactive");
  for (const until = Date.now() + ELECTION; waits() && Date.now() < until; seen = await lookAtAll()) {
    say("waiting until a manager of its swarm answers and has a leader");
    await sleep(2_000);
  }
  const chosen = seen.find(leads);
  if (chosen !== undefined) {
    for (const { name, state, reason } of seen.slice(0, seen.indexOf(chosen))) {
      const why = state === "silent" ? `does not answer: ${reason}` : `is ${reason}`;
      say(`speaking to the manager ${chosen.name}, because ${name} ${why}.`);
    }
    return chosen.host;
  }
  if (seen.every(({ state }) => state === "inactive")) return managers[0].host;
  const lines = seen.map(
    ({ name, host, state, reason }) =>
      `  ${name} (${host}) ${state === "silent" ? "does not answer: " : "is "}${reason}`,
  );
  return fail(
    `no manager of its swarm can be spoken to:\n${lines.join("\n")}\n` +
      "  Most of the managers must run, and reach each other. Is the majority lost for ever, make a new one on one that is left:\n" +
      '  docker swarm init --force-new-cluster (docs.docker.com, "Recover from losing the quorum"). Nothing was changed.',
  );
}

function lookAtAll() {
  return Promise.all(managers.map(async (manager) => ({ ...manager, ...(await look(manager)) })));
}

function leads({ state, hasLeader }) {
  return state === "manager" && hasLeader;
}

async function look({ host }) {
  try {
    const options = { timeout: PATIENCE };
    const { stdout } = await promisify(execFile)(
      "docker",
      ["-H", host, "info", "--format", "{{json .Swarm}}"],
      options,
    );
    const { LocalNodeState, ControlAvailable, Error: problem } = JSON.parse(stdout);
    if (LocalNodeState === "inactive") return { state: "inactive", reason: "in no swarm" };
    if (LocalNodeState !== "active")
      return { state: LocalNodeState, reason: `in a swarm that is ${LocalNodeState}` };
    if (!ControlAvailable) return { state: "worker", reason: "a worker" };
    const reason = problem ? `a manager without a leader (${problem})` : "a manager";
    return { state: "manager", hasLeader: !problem, reason };
  } catch (error) {
    // The docker CLI wraps what ssh said.
    const said = String(error.stderr || error.message)
      .trim()
      .split("\n")
      .pop()
      .replace(/^.*stderr=/, "");
    return { state: "silent", reason: error.killed ? `no answer within ${PATIENCE / 1000} s` : said };
  }
}
