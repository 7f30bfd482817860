#!/usr/bin/env node
// The work of update-images.sh, which sets the environment.
import Docker from "dockerode";
import { execFileSync } from "node:child_process";
import { SshConnections } from "../components/engine/ssh-connection.ts";
import { fail, say, stack } from "./docker-cli.mjs";
import { taggedImage } from "../components/images/image-reference.ts";
import { stackImages } from "./stack-images.ts";
import { table } from "./table.ts";

/** The ImagePull of each key, whose recorded reference is the digest that services run. */
const PULLS = { goImage: "golang", nginxImage: "nginx", kafkaImage: "kafka", registryImage: "registry" };

const run = (program, ...args) => execFileSync(program, args, { encoding: "utf8" }).trim();
const short = (digest) => digest?.replace(/^sha256:/, "").slice(0, 12) ?? "none yet";

/** `name:tag` and digest that the stack would use: that of its file, else the one that was recorded for the tag. */
function current({ key, image }, resources) {
  const [tag, pinned] = image.split("@");
  const reference = outputsOf(resources, "ImagePull", PULLS[key])?.reference ?? "";
  const [recordedTag, recorded] = reference.split("@");
  return { key, tag, digest: pinned ?? (recordedTag === tag ? recorded : undefined) };
}

/** The same for an image of a stack file, which keeps the digest that its tag had at first. */
function currentOfFile({ stack: name, at, services: [service], image }, resources) {
  const recorded = outputsOf(resources, "ComposeStack", name)?.images?.[service];
  const digest = recorded?.image === image ? recorded.reference.split("@")[1] : undefined;
  return { at, tag: taggedImage(image), digest };
}

function outputsOf(resources, component, name) {
  return resources.find(({ urn }) => urn.endsWith(`swarm-platform:index:${component}::${name}`))?.outputs;
}

/** The digest of a file's image is kept until its stack asks for all of them anew. */
function write({ key, at, tag, newest }) {
  const [name, value] =
    key === undefined ? [`stacks[${at}].resolveImages`, new Date().toISOString()] : [key, `${tag}@${newest}`];
  run("pulumi", "config", "set", "--stack", stack, "--path", name, value);
}

/** The engine of DOCKER_HOST. The client's own ssh knows neither ~/.ssh/config nor known hosts. */
function engine() {
  const host = process.env.DOCKER_HOST ?? "";
  if (!host.startsWith("ssh://")) return new Docker();
  return new Docker({ protocol: "http", host: "docker", port: 80, agent: new SshConnections(new URL(host)) });
}

const docker = engine();

async function newest(image) {
  try {
    const { Descriptor } = await docker.getImage(image.tag).distribution();
    return { ...image, newest: Descriptor.digest };
  } catch (error) {
    return { ...image, reason: error.json?.message ?? error.message };
  }
}

const state = JSON.parse(run("pulumi", "stack", "export", "--stack", stack));
const resources = state.deployment?.resources ?? [];
const { platform, files } = stackImages(stack);
const images = [
  ...platform.map((image) => current(image, resources)),
  // What builds start from is theirs, and one with a digest is what it is.
  ...files
    .filter(({ services, image }) => services.length > 0 && !image.includes("@"))
    .map((image) => currentOfFile(image, resources)),
];
const asked = await Promise.all(images.map(newest));

const rows = asked.map(({ tag, digest, newest, reason }) => [
  tag,
  short(digest),
  reason === undefined ? (newest === digest ? "the same" : short(newest)) : `not known: ${reason}`,
]);
console.log(table(rows));

// What is not recorded yet is resolved by the first `up` in any case.
const newer = asked.filter(({ digest, newest }) => digest && newest && newest !== digest);
newer.forEach(write);
if (newer.length > 0) {
  say(
    `${newer.length} newer, written into Pulumi.${stack}.yaml. make preview shows what changes, make up changes it.`,
  );
} else if (asked.every(({ reason }) => reason === undefined)) say("nothing is newer.");
if (asked.some(({ reason }) => reason !== undefined)) {
  fail(
    "not every registry could be asked; see above. What they have is not known, and nothing of it was changed.",
  );
}
