#!/usr/bin/env node
// The record of what was deployed when, in hidden refs of the git repository that this folder is in (STACK, default dev):
//
//   deployments.mjs begin up|destroy      notes that an operation begins, with the sources that it deploys: those of this
//                                         folder, or of the deployment ROLLBACK_TO
//   deployments.mjs end EVENTS            notes that it ended well; EVENTS is the event log of Pulumi's update
//   deployments.mjs history               shows all
//   deployments.mjs choose FOLDER [TIME]  puts the sources to return to into FOLDER, says what that means, prints the time
//   deployments.mjs judge EVENTS TIME     says what the preview of a rollback shows; exit 1 where it can't work, and 3
//                                         where there is nothing to do
//
//   refs/swarm-platform/deployments/<stack>/<time>  one that ended well: a commit on top of the one that was checked out,
//                                         with the tree of the sources, and what else is known in its message
//   refs/swarm-platform/begun/<stack>     the operation since then that has not ended well, or a destroy
//
// Neither index nor stash nor branch are touched. A deployment does not fail for want of a record; a line says why there
// is none.
import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join, resolve } from "node:path";
import {
  buildsIn,
  changesIn,
  detailsOf,
  imagesIn,
  inWords,
  losses,
  message,
  previous,
  renamedIn,
  shortList,
  stepsIn,
  summary,
  surplus,
  timeName,
} from "./deployment-record.ts";
import { table } from "./table.ts";
import { docker, DockerFault, fail, say, stack } from "./docker-cli.mjs";

const REFS = "refs/swarm-platform";
const DONE = `${REFS}/deployments/${stack}`;
const BEGUN = `${REFS}/begun/${stack}`;
/** Untracked files larger than this are taken for no sources, in bytes: git would keep them for ever. */
const LARGEST_UNTRACKED = 10 * 1024 * 1024;

// ---------------------------------------------------------------- git

function git(gitArgs, { input, env = {}, cwd } = {}) {
  return execFileSync("git", gitArgs, {
    encoding: "utf8",
    input,
    cwd,
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "pipe"],
    maxBuffer: 256 * 1024 * 1024,
  });
}

const line = (...gitArgs) => git(gitArgs).trim();
const paths = (...gitArgs) => git(gitArgs).split("\0").filter(Boolean);

/** What a failing command said last. */
function reason(error) {
  return (
    String(error.stderr || error.message)
      .trim()
      .split("\n")
      .pop() ?? ""
  );
}

/** Why nothing can be recorded here; undefined when it can. */
function whyNoRecords() {
  try {
    if (
      paths("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "Pulumi.yaml").length === 0
    )
      return "git ignores this folder";
    return undefined;
  } catch (error) {
    if (error.code === "ENOENT") return "there is no git on this machine";
    const said = reason(error);
    return /not a git repository/.test(said) ? "this folder is in no git repository" : `git says: ${said}`;
  }
}

/** Ends the tool where nothing can be recorded. */
function requireRecords() {
  const why = whyNoRecords();
  if (why !== undefined)
    fail(`no deployment is recorded, because ${why}. A record is made by each make up in a git repository.`);
}

/**
 * Writes the files of this folder as they are, tracked or not, without those that git ignores, into a tree.
 * An index of its own: the user's one may hold half a commit, or flags that hide changes.
 */
function snapshot() {
  const others = paths("ls-files", "-z", "--others", "--exclude-standard").filter(
    (file) => !file.endsWith("/"),
  );
  const leftOut = others.filter((file) => lstatSync(file).size > LARGEST_UNTRACKED);
  const tracked = paths("ls-files", "-z", "--cached").filter((file) =>
    lstatSync(file, { throwIfNoEntry: false }),
  );
  const files = [...new Set([...tracked, ...others])].filter((file) => !leftOut.includes(file));

  const folder = mkdtempSync(join(tmpdir(), "swarm-platform-index-"));
  const env = { GIT_INDEX_FILE: join(folder, "index") };
  try {
    git(["update-index", "--add", "-z", "--stdin"], { input: files.join("\0"), env });
    const prefix = line("rev-parse", "--show-prefix");
    const tree = git(["write-tree", ...(prefix === "" ? [] : [`--prefix=${prefix}`])], { env }).trim();
    return { tree, leftOut };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function commitTree(tree, title, details) {
  const { name, email } = gitUser();
  const env = Object.fromEntries(
    ["AUTHOR", "COMMITTER"].flatMap((role) => [
      [`GIT_${role}_NAME`, name],
      [`GIT_${role}_EMAIL`, email],
    ]),
  );
  const head = headCommit();
  const parent = head === undefined ? [] : ["-p", head];
  return git(["commit-tree", ...parent, tree], { input: message(title, details), env }).trim();
}

function headCommit() {
  try {
    return line("rev-parse", "--verify", "--quiet", "HEAD");
  } catch {
    return undefined;
  }
}

/** Name and address of the git user; the system's where git has none. */
function gitUser() {
  try {
    const [, name, email] = /^(.*) <(.*)> \d+ \S+$/.exec(line("var", "GIT_AUTHOR_IDENT"));
    return { name, email };
  } catch {
    const { username } = userInfo();
    return { name: username, email: `${username}@localhost` };
  }
}

/** All that is recorded of the stack. */
function deployments() {
  const read = (pattern) =>
    git(["for-each-ref", "--format=%(refname)%00%(objectname)%00%(tree)%00%(contents)%00", pattern])
      .split("\0\n")
      .filter(Boolean)
      .map((record) => {
        const [ref, id, tree, text] = record.split("\0");
        return { ...detailsOf(text), ref, id, tree, time: ref.split("/").pop() };
      });
  const done = read(`${DONE}/`).sort((a, b) => (a.time < b.time ? 1 : -1));
  const [begun] = read(BEGUN);
  return { done, begun: begun && { ...begun, time: begun.began } };
}

function changedFiles(from, to) {
  return from === to ? [] : paths("diff-tree", "-r", "-z", "--name-only", "--no-renames", from, to);
}

// ---------------------------------------------------------------- what make up notes

function begin(operation) {
  if (whyNoRecords() !== undefined) return;
  try {
    const rollbackTo = process.env.ROLLBACK_TO;
    const target = rollbackTo && deployments().done.find(({ time }) => time === rollbackTo);
    const { tree, leftOut } = target ?? snapshot();
    const head = headCommit();
    const base = head && line("rev-parse", `HEAD:${line("rev-parse", "--show-prefix")}`);
    const details = {
      operation,
      began: timeName(new Date()),
      who: gitUser().name,
      head: target ? target.head : head && line("rev-parse", "--short", "HEAD"),
      uncommitted: target ? target.uncommitted : tree !== base,
      leftOut,
      ...(target && { rollbackTo }),
    };
    git(["update-ref", BEGUN, commitTree(tree, `${operation} of stack ${stack}, not ended`, details)]);
    if (leftOut.length > 0) {
      say(
        `not recorded, because they are untracked and larger than ${LARGEST_UNTRACKED / 1024 / 1024} MiB: ` +
          `${leftOut.join(", ")}; add them to git, or to .gitignore.`,
      );
    }
  } catch (error) {
    say(`this deployment can't be recorded: git says: ${reason(error)}. It goes on.`);
  }
}

function end(events) {
  const why = whyNoRecords();
  if (why !== undefined) {
    say(`this deployment is not recorded, so make rollback can't return to it: ${why}.`);
    return;
  }
  try {
    const { begun } = deployments();
    if (begun === undefined) return; // begin has said why
    const { ref, id, tree, time, ...details } = begun;
    const steps = stepsIn(readFileSync(events, "utf8"), "resOutputsEvent");
    const changes = changesIn(steps);
    const ran = imagesIn(steps).map((one) => ({ ...one, id: imageId(one.reference) }));
    const title = `Deployment of stack ${stack}: ${summary(changes)}`;
    const record = commitTree(tree, title, { ...details, changes, images: ran });
    const drop = surplus([{ time }, ...deployments().done]).map((old) => `delete ${old.ref}`);
    const input = [`create ${DONE}/${time} ${record}`, `delete ${ref} ${id}`, ...drop].join("\n");
    git(["update-ref", "--stdin"], { input: `${input}\n` });
  } catch (error) {
    say(`this deployment could not be recorded: ${reason(error)}`);
  }
}

/** Id of an image on the engine; undefined when it is not there. @throws DockerFault */
function imageId(reference) {
  try {
    return docker("image", "inspect", "--format", "{{.Id}}", reference);
  } catch (error) {
    if (error instanceof DockerFault && /no such image/i.test(error.message)) return undefined;
    throw error;
  }
}

// ---------------------------------------------------------------- make history

function history() {
  requireRecords();
  const { done, begun } = deployments();
  if (begun === undefined && done.length === 0) {
    say("no deployment is recorded yet; each make up records one.");
    return;
  }
  const rows = done.map((one, i) => [
    `${i === 0 && begun === undefined ? "* " : "  "}${one.time}`,
    commit(one),
    one.who,
    one.rollbackTo ? `back to ${one.rollbackTo}: ${summary(one.changes)}` : summary(one.changes),
    done[i + 1] === undefined
      ? "the first one"
      : shortList(changedFiles(done[i + 1].tree, one.tree)) || "none",
    images(one),
  ]);
  if (begun !== undefined) {
    const destroyed = begun.operation === "destroy";
    const files = destroyed
      ? "-"
      : shortList(changedFiles(done[0]?.tree ?? begun.tree, begun.tree)) || "none";
    const what = destroyed ? "destroy" : "did not end well";
    rows.unshift([`! ${begun.time}`, commit(begun), begun.who, what, files, "-"]);
  }
  console.log(
    table([["  DEPLOYED", "COMMIT", "WHO", "CHANGED ON THE SWARM", "FILES CHANGED", "IMAGES"], ...rows]),
  );
  const back = previous({ done, begun });
  console.log(
    back === undefined
      ? "\nThere is none to return to yet."
      : `\nmake rollback returns to ${back.time}; TO=<time> to another one. All sources are kept; an image that is gone is built or pulled again.`,
  );
}

function commit({ head, uncommitted }) {
  return (head ?? "no commit") + (uncommitted ? " + uncommitted" : "");
}

/** Where the images of a deployment are. */
function images({ images: all = [] }) {
  try {
    const missing = all.filter(({ reference }) => imageId(reference) === undefined);
    const inRegistry = missing.filter(({ reference }) => reference.includes("@"));
    const toBuild = missing.length - inRegistry.length;
    return [
      `${all.length - missing.length} here`,
      ...(inRegistry.length > 0 ? [`${inRegistry.length} in a registry`] : []),
      ...(toBuild > 0 ? [`${toBuild} to build`] : []),
    ].join(", ");
  } catch {
    return "not known: the engine does not answer";
  }
}

// ---------------------------------------------------------------- make rollback

function choose(folder, wanted = "") {
  requireRecords();
  const all = deployments();
  const target = wanted === "" ? previous(all) : find(all.done, wanted);
  if (target === undefined) {
    fail(
      all.done.length === 0
        ? "no deployment is recorded yet, so there is none to return to; each make up records one."
        : "there is none to return to: no recorded deployment ran other sources before; TO=<time> names one of make history.",
    );
  }
  checkOut(target.tree, folder);

  const current = all.begun ?? all.done[0];
  if (all.begun !== undefined) {
    const what = all.begun.rollbackTo
      ? `the rollback to ${all.begun.rollbackTo}`
      : `the ${all.begun.operation}`;
    const ended = all.begun.operation === "destroy" ? "came after it" : "has not ended well";
    say(`${what} of ${all.begun.time} ${ended}.`);
  }
  say(`returns to the deployment of ${target.time} (${commit(target)}, by ${target.who}).`);
  const files = changedFiles(current.tree, target.tree);
  say(files.length === 0 ? "its files are those of the last one." : `other files: ${shortList(files, 8)}`);
  if (target.leftOut.length > 0)
    say(`it had large untracked files that are not recorded: ${target.leftOut.join(", ")}`);
  say(
    "data in volumes stays as it is: a rollback changes programs and settings alone (make restore brings data back).",
  );
  console.log(target.time);
}

function find(done, wanted) {
  const found = done.filter(({ time }) => time.startsWith(wanted));
  if (found.length === 1) return found[0];
  const times = done.map(({ time }) => time).join(", ") || "none";
  return fail(
    `TO = "${wanted}": ${found.length === 0 ? "no such deployment" : "more than one deployment begins so"}; ` +
      `allowed: one of ${times}; do: make history`,
  );
}

/** Writes a tree into a new folder. No `git worktree`: that would show in the user's list of them. */
function checkOut(tree, folder) {
  mkdirSync(folder, { recursive: true });
  const env = { GIT_INDEX_FILE: resolve(folder, ".index") };
  git(["read-tree", tree], { env });
  const top = line("rev-parse", "--show-toplevel");
  git(["checkout-index", "--all", `--prefix=${resolve(folder)}/`], { env, cwd: top });
  rmSync(env.GIT_INDEX_FILE);
}

function judge(events, time) {
  const steps = existsSync(events) ? stepsIn(readFileSync(events, "utf8"), "resourcePreEvent") : [];
  const renamed = renamedIn(steps);
  if (renamed.length > 0) {
    fail(
      `the program of ${time} knows by other names what is there: ${renamed.join(", ")} would be made anew before the ` +
        "old one goes, and the name is taken. A rollback can't do that; undo the change of the program instead " +
        "(git revert) and keep its aliases. Nothing was changed.",
    );
  }
  const changes = changesIn(steps);
  const { done, begun } = deployments();
  if (changes.length === 0) {
    say(`nothing to do: what runs is what the deployment of ${time} made.`);
    // Swarm itself has gone back, for instance.
    if (begun !== undefined && done[0]?.time === time) git(["update-ref", "-d", BEGUN]);
    process.exit(3);
  }
  say(`${inWords(changes)}.`);
  const lost = losses(changes);
  if (lost.length > 0)
    say(`LOOK AT THIS: ${inWords(lost)}. What is replaced or deleted does not run meanwhile.`);
  const { images: known = [] } = done.find((one) => one.time === time);
  const builds = buildsIn(steps);
  const here =
    known.length - known.filter(({ reference }) => builds.includes(reference.split("@")[0])).length;
  const rest = builds.length > 0 ? `to be built: ${builds.join(", ")}` : "none is built anew";
  say(`of its ${known.length} images ${here} are there; ${rest}.`);
}

const [command, ...args] = process.argv.slice(2);
const commands = { begin, end, history, choose, judge };
commands[command](...args);
