#!/usr/bin/env node
// Makes sure that nobody is at work on a stack, and puts away what a killed operation left: processes, its lock, files
// that it had only begun:
//
//   one-at-a-time.mjs            (STACK, default dev)
//
// Exit 1, with who it is and what to do, when somebody is. Pulumi's own lock says that only once its operation has
// begun, and stays for ever when its process is killed.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fail, say, stack } from "./docker-cli.mjs";

/** How long a plugin may take to end before it is forced to, in ms. */
const PATIENCE = 5000;

/** All processes that are no zombies, by id. */
function processes() {
  const lines = execFileSync("ps", ["-axo", "pid=,ppid=,stat=,args="], { encoding: "utf8" }).split("\n");
  const found = lines.map((line) => /^ *(\d+) +(\d+) +(\S+) +(.*)$/.exec(line)).filter(Boolean);
  return new Map(
    found
      .filter(([, , , stat]) => !stat.startsWith("Z"))
      .map(([, pid, parent, , args]) => [Number(pid), { pid: Number(pid), parent: Number(parent), args }]),
  );
}

/** Name of the program that a process runs; undefined without a process. */
const program = (entry) => entry && basename(entry.args.split(" ")[0]);

/** Files below a folder of Pulumi's state. Other backends than a folder look after theirs themselves. */
function stateFiles(below) {
  const backend = process.env.PULUMI_BACKEND_URL ?? "";
  if (!backend.startsWith("file://")) return [];
  const folder = join(backend.slice("file://".length), ".pulumi", below);
  return existsSync(folder) ? readdirSync(folder, { recursive: true }).map((name) => join(folder, name)) : [];
}

function lockFiles() {
  const locks = stateFiles(join("locks/organization/swarm-platform", stack));
  return locks.filter((name) => name.endsWith(".json"));
}

/**
 * Removes metadata that Pulumi was killed before it could write: empty, it keeps Pulumi from loading the state ("failed
 * to load checkpoint: EOF"), although the state itself is whole. Without metadata it can.
 */
function removeEmptyMetadata() {
  // This stack's alone: somebody may be at work on another one in the same folder.
  const own = [
    ...stateFiles("stacks/swarm-platform").filter((name) => basename(name).startsWith(`${stack}.json`)),
    ...["backups", "history"].flatMap((kind) => stateFiles(join(kind, "swarm-platform", stack))),
  ];
  const empty = own.filter((name) => name.endsWith(".attrs") && statSync(name).size === 0);
  empty.forEach((name) => rmSync(name));
}

/** Why the lock holds; undefined when its process is gone. */
function heldBy({ pid, hostname: host, username, timestamp }, running) {
  const since = `since ${timestamp.replace(/\.\d+/, "")}`;
  if (host !== hostname()) {
    return `${username}@${host} is at work on it (pid ${pid}, ${since}). Wait, or if that has ended: pulumi cancel --stack ${stack}`;
  }
  // Another process may have got the number meanwhile.
  if (program(running.get(pid)) !== "pulumi") return undefined;
  return `"${running.get(pid).args}" is at work on it (pid ${pid}, ${since}). Wait until it has ended, or end it: kill -INT ${pid}`;
}

/** Pulumi's plugins in this folder whose CLI is gone. They may still be finishing what it asked for. */
function orphans(running) {
  const plugins = join(process.env.PULUMI_HOME, "plugins/");
  return [...running.values()].filter(
    (entry) =>
      (entry.args.startsWith(plugins) || program(entry).startsWith("pulumi-language-")) &&
      !program(running.get(entry.parent))?.startsWith("pulumi") &&
      isOurs(workingFolder(entry.pid)),
  );
}

/** This folder, or the sources that a rollback deploys from (tools/rollback.sh). */
function isOurs(folder) {
  return folder === process.cwd() || folder?.startsWith(join(process.cwd(), ".state/rollback/"));
}

/** Undefined where the system does not tell; plugins that outlive their CLI there take nothing but memory. */
function workingFolder(pid) {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

async function end(left) {
  const signal = (name) => left.forEach(({ pid }) => alive(pid) && process.kill(pid, name));
  const alive = (pid) => processes().has(pid);
  signal("SIGTERM");
  for (const until = Date.now() + PATIENCE; left.some(({ pid }) => alive(pid)); await sleep(50)) {
    if (Date.now() > until) signal("SIGKILL");
  }
}

const running = processes();
const locks = lockFiles().map((file) => ({ file, ...JSON.parse(readFileSync(file, "utf8")) }));
const holder = locks.map((lock) => heldBy(lock, running)).find(Boolean);
if (holder !== undefined) fail(`${holder}. Nothing was changed.`);

const left = orphans(running);
if (left.length > 0) {
  await end(left);
  say(`ended ${left.length} processes of an operation that was killed.`);
}
for (const { file, pid, timestamp } of locks) {
  rmSync(file);
  rmSync(`${file}.attrs`, { force: true });
  say(
    `removed the lock of process ${pid}, which was killed (its operation began ${timestamp.replace(/\.\d+/, "")}).`,
  );
}
removeEmptyMetadata();
