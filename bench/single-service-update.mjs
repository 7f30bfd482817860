#!/usr/bin/env node
// Where the time of an `up` goes that changes one file of one service, and what of it is ours. In turns:
//
//   1. `pulumi up` in a copy of the project with a copy of its state, after a change in accountservice;
//   2. `docker service update --image` to the image before, and to the new one: what Swarm alone needs;
//   3. `pulumi up` of a bare program that puts the image before back: the same provider without code of ours, and
//      without a wait for the rollout.
//
// The parts come from the CLI's log of its gRPC calls and from the engine's times, so the engine must be on this
// machine. At the end the service is as it was, which a preview of the deployed stack proves; after an interrupt
// `make up` brings it back.
//
//   . tools/env.sh && bench/single-service-update.mjs [rounds, default 3]    (STACK, default dev; deploy it first)
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  bareProject,
  copyProject,
  deployed,
  docker,
  exportState,
  importState,
  inTempFolder,
  median,
  pulumi,
  seconds,
  table,
  timed,
} from "./lib.mjs";

const SERVICE = "accountservice";
const CHANGED_FILE = "services/accountservice/main.go";
/** Start of a text that the binary has. */
const CHANGED_TEXT = "const about = `accountservice";

/** Rows that are no cost of ours, because any program would need them. */
const BUILD = "build of the image";
const ROLLOUT = "Swarm's rollout";
const GATE = "gate, after Swarm has completed it";
const REST_OF_CALL = "rest of the provider's call, 2 s of it a wait";

const rounds = Number(process.argv[2] ?? 3);
const exported = exportState(deployed);
const service = exported.deployment.resources.find(({ urn }) => urn.endsWith(`:Service::${SERVICE}`));
if (service === undefined) throw new Error(`Stack ${deployed.stack} has no ${SERVICE}: deploy it (make up)`);
const serviceName = service.outputs.name;
const imageBefore = service.outputs.taskSpec.containerSpec.image;

const imageOf = () => inspect().Spec.TaskTemplate.ContainerSpec.Image;
const inspect = () => JSON.parse(docker("service", "inspect", serviceName))[0];

/** Waits for the end of a rollout, and of the tasks that it replaced. */
async function settled() {
  for (; ; await sleep(200)) {
    const { State: state } = inspect().UpdateStatus;
    if (!["updating", "completed"].includes(state))
      throw new Error(`The update of ${serviceName} is ${state}`);
    const shutDown = ["--filter", "desired-state=shutdown", "--format", "{{.CurrentState}}"];
    const old = docker("service", "ps", serviceName, ...shutDown);
    if (state === "completed" && !/^Running/m.test(old)) return;
  }
}

/** Writes the file with a text that it had in no run before. */
function changeFile(project) {
  const text = fs.readFileSync(path.join(deployed.folder, CHANGED_FILE), "utf8");
  const changed = text.replace(CHANGED_TEXT, `${CHANGED_TEXT} ${Date.now()}`);
  if (changed === text) throw new Error(`${CHANGED_FILE} does not contain ${CHANGED_TEXT}`);
  fs.writeFileSync(path.join(project.folder, CHANGED_FILE), changed);
}

/** Runs `up` until the service's rollout has ended, and gives its moments in ms since the epoch. */
async function up(project) {
  const log = path.join(project.folder, "grpc.json");
  fs.rmSync(log, { force: true });
  const start = Date.now();
  pulumi({ ...project, env: { ...project.env, PULUMI_DEBUG_GRPC: log } }, "up", "--yes", "--skip-preview");
  const end = Date.now();
  await settled();

  const lines = fs.readFileSync(log, "utf8").trim().split("\n");
  const calls = lines.map((line) => JSON.parse(line));
  const at = (progress, method, which = () => true) => {
    const call = calls.find(
      (one) => one.method === `/pulumirpc.${method}` && one.progress === progress && which(one.request),
    );
    return call === undefined ? undefined : Date.parse(call.timestamp);
  };
  const [began, ended] = ["request_started", "response_completed"];
  const image = ({ urn }) => urn.endsWith(`:RemoteImage::${SERVICE}`);
  const ofService = ({ urn }) => urn.endsWith(`:Service::${SERVICE}`);
  const { StartedAt, CompletedAt } = inspect().UpdateStatus;
  return {
    start,
    read: at(began, "ResourceProvider/Read"),
    run: at(began, "LanguageRuntime/Run"),
    // The SDK declares the stack before it loads the program.
    sdk: at(ended, "ResourceMonitor/RegisterResource"),
    declare: at(ended, "ResourceMonitor/RegisterResource", ({ type }) => type !== "pulumi:pulumi:Stack"),
    build: at(began, "ResourceProvider/Create", image),
    built: at(ended, "ResourceProvider/Create", image),
    update: at(began, "ResourceProvider/Update", ofService),
    started: Date.parse(StartedAt),
    completed: Date.parse(CompletedAt),
    registered: at(
      ended,
      "ResourceMonitor/RegisterResource",
      ({ type, name }) => type === "docker:index/service:Service" && name === SERVICE,
    ),
    end,
  };
}

/** Seconds of each part of an `up`, in the order of time; they add up to all of it. */
function partsOf(at) {
  const between = (from, to) => {
    const unknown = [from, to].find((moment) => !(at[moment] > 0));
    if (unknown !== undefined) throw new Error(`The CLI's log of its gRPC calls does not tell "${unknown}"`);
    return (at[to] - at[from]) / 1000;
  };
  if (at.started < at.update) throw new Error("The engine's clock differs from this machine's");
  const isOurs = at.build !== undefined;
  const build = isOurs ? between("build", "built") : 0;
  return {
    "start of the CLI and the plugins": between("start", "read"),
    "refresh, 2 s of it a wait of the provider": between("read", "run"),
    "start of Node and the SDK": between("run", "sdk"),
    "load of the program, look at the engine": between("sdk", "declare"),
    "declaration of the resources": between("declare", "update") - build,
    ...(isOurs && { [BUILD]: build }),
    "provider's call, until Swarm starts": between("update", "started"),
    ...(isOurs
      ? { [ROLLOUT]: between("started", "completed"), [GATE]: between("completed", "registered") }
      : { [REST_OF_CALL]: between("started", "registered") }),
    "end of the CLI": between("registered", "end"),
  };
}

/** Removes the images that were built here, so that `keptImages` finds only those of the user. */
function removeImages(images) {
  for (const image of images) {
    const containers = docker("ps", "-aq", "--filter", `ancestor=${image}`).split("\n").filter(Boolean);
    if (containers.length > 0) docker("rm", ...containers);
    docker("image", "rm", image);
  }
}

const sum = (values) => values.reduce((total, value) => total + value, 0);

await inTempFolder(async (work) => {
  const copy = copyProject(`${work}/copy`, deployed.stack);
  importState(copy, exported);
  // Each round leaves an image, and none that was there before may go for it.
  pulumi(copy, "config", "set", "keptImages", "20");
  const bare = bareProject(`${work}/bare`, deployed.stack, exported);
  for (const project of [copy, bare]) pulumi(project, "preview", "--refresh", "--expect-no-changes");

  const runs = { ours: [], bare: [], docker: [] };
  const built = [];
  try {
    for (let i = 0; i < rounds; i++) {
      changeFile(copy);
      runs.ours.push(partsOf(await up(copy)));
      built.push(imageOf());
      for (const image of [imageBefore, imageOf()]) {
        const update = ["service", "update", "--quiet", "--detach=false", "--no-resolve-image"];
        runs.docker.push(timed(() => docker(...update, "--image", image, serviceName)));
        await settled();
      }
      runs.bare.push(partsOf(await up(bare)));
    }
  } finally {
    importState(copy, exported);
    fs.copyFileSync(path.join(deployed.folder, CHANGED_FILE), path.join(copy.folder, CHANGED_FILE));
    pulumi(copy, "up", "--yes", "--skip-preview");
    await settled();
    pulumi(deployed, "preview", "--expect-no-changes");
    removeImages(built);
  }
  show(runs);
});

function show(runs) {
  const whole = (parts) => sum(Object.values(parts));
  const ofMedian = (all) => all.find((parts) => whole(parts) === median(all.map(whole)));
  const [ours, bare] = [ofMedian(runs.ours), ofMedian(runs.bare)];
  const replicas = inspect().Spec.Mode.Replicated.Replicas;
  console.log(
    `A change of one file of ${SERVICE} (${replicas} tasks) in stack ${deployed.stack}: ` +
      `\`pulumi up\`, the median of ${rounds} in turns.`,
  );
  const labels = [...new Set([...Object.keys(ours), ...Object.keys(bare)])];
  const cell = (value) => (value === undefined ? "" : seconds(value));
  table(
    ["part", "this program", "bare program, no wait for Swarm"],
    [
      ...labels.map((label) => [label, cell(ours[label]), cell(bare[label])]),
      ["all", seconds(whole(ours)), seconds(whole(bare))],
    ],
  );

  const overhead = runs.ours.map((parts, i) => {
    const other = runs.bare[i];
    return sum(
      Object.keys(parts)
        .filter((label) => label in other)
        .map((label) => parts[label] - other[label]),
    );
  });
  const yardstick = median(runs.docker);
  const row = (what, values) => [what, seconds(median(values)), (median(values) / yardstick).toFixed(2)];
  table(
    ["", "median", "to docker"],
    [
      row("`docker service update --image --detach=false`", runs.docker),
      row("`pulumi up`", runs.ours.map(whole)),
      row(
        "rollout and gate",
        runs.ours.map((parts) => parts[ROLLOUT] + parts[GATE]),
      ),
      row(
        "what we add: the gate",
        runs.ours.map((parts) => parts[GATE]),
      ),
      row("what we add: the program, beside the bare one", overhead),
    ],
  );
}
