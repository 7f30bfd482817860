#!/usr/bin/env node
// An Engine API that lets through only what a preview reads, for whoever may look and must not change anything:
//
//   read-only-engine.mjs listen SOCKET --namespace NAME... [--engine SOCKET]
//   read-only-engine.mjs stdio         --namespace NAME... [--engine SOCKET]
//
// `listen` serves on a unix socket (mode 0660) until it is ended. `stdio` serves one connection, as `docker system dial-stdio`
// does, and is meant as the forced command of a key in ~/.ssh/authorized_keys on a manager:
//
//   command="/usr/local/bin/read-only-engine.mjs stdio --namespace prod",restrict ssh-ed25519 AAAA...
//
// NAME is the namespace (the stack's name, unless configured) of an environment that may be seen whole. Of others' services,
// tasks and configs only what names them is shown. --engine is the engine's own socket, /var/run/docker.sock unless given.
// It needs Node 18 or newer and no other file, so that it can be copied to a manager as it is.
import { chmodSync, rmSync } from "node:fs";
import { createServer, request as ask } from "node:http";
import { Duplex } from "node:stream";
import { json } from "node:stream/consumers";

const USAGE =
  "usage: read-only-engine.mjs listen SOCKET | stdio, each with --namespace NAME... [--engine SOCKET]";
const NAMESPACE_LABEL = "com.docker.stack.namespace";
/** Names and ids. */
const NAME = "[A-Za-z0-9][\\w.-]*";
const IMAGE = "[A-Za-z0-9][\\w.:@/+-]*";
/** Where a client has said nothing for so long, it has gone without a word, in ms. */
const IDLE = 120_000;

/**
 * What may be read, each with what is taken out of the answer. Not here on purpose: files and logs of containers, exports of
 * images, events, the swarm's unlock key.
 */
const READS = [
  [/^\/(_ping|version|info)$/],
  [/^\/swarm$/, withoutTokens],
  [/^\/(nodes|networks|volumes|secrets)$/],
  [new RegExp(`^/(nodes|networks|volumes|secrets)/${NAME}$`)],
  [new RegExp(`^/(services|tasks|configs)(/${NAME})?$`), withoutOthers],
  [/^\/images\/json$/],
  [new RegExp(`^/(images|distribution)/${IMAGE}/json$`)],
];

/** What the engine may need to know of a client; nothing that turns a request into something else. */
const PASSED_HEADERS = ["accept", "user-agent", "x-registry-auth"];
/** These are about the engine's connection, not about ours. */
const OWN_HEADERS = ["connection", "keep-alive", "transfer-encoding"];

const { mode, socket, engine, namespaces } = commandLine(process.argv.slice(2));

const server = createServer((request, response) => {
  const refusal = refusalOf(request);
  if (refusal === undefined) forward(request, response);
  else refuse(response, 403, refusal);
});
// A client would take a connection for its own stream of bytes otherwise, as in attach and BuildKit's sessions.
for (const event of ["upgrade", "connect"]) {
  server.on(event, ({ method, url }, connection) => {
    const message = sentence(`${method} ${url} asks for a connection of its own`);
    const body = JSON.stringify({ message });
    connection.end(
      "HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\nconnection: close\r\n" +
        `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  });
}
server.keepAliveTimeout = IDLE;
if (mode === "listen") listen();
else serveOne();

function commandLine(args) {
  const given = { namespaces: [], engine: "/var/run/docker.sock", words: [] };
  while (args.length > 0) {
    const word = args.shift();
    if (word === "--namespace") given.namespaces.push(args.shift());
    else if (word === "--engine") given.engine = args.shift();
    else given.words.push(word);
  }
  const [mode, socket, ...more] = given.words;
  const known = mode === "listen" ? socket !== undefined : mode === "stdio" && socket === undefined;
  const named =
    given.namespaces.length > 0 && given.namespaces.every((name) => /^[a-z][a-z0-9-]*$/.test(name));
  if (!known || !named || !given.engine || more.length > 0) end(USAGE, 2);
  return { ...given, mode, socket };
}

function listen() {
  server.on("error", (error) => end(`read-only engine: ${socket}: ${error.message}`, 1));
  server.listen(socket, () => {
    chmodSync(socket, 0o660);
    console.error(`read-only engine: serves ${namespaces.join(", ")} of ${engine} on ${socket}`);
  });
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.on(signal, () => {
      rmSync(socket, { force: true });
      process.exit(0);
    });
  }
}

/** One connection on stdin and stdout; the other end's end is ours. */
function serveOne() {
  const wanted = process.env.SSH_ORIGINAL_COMMAND;
  if (wanted !== undefined && !wanted.endsWith("system dial-stdio")) {
    end(
      `read-only engine: this login serves "docker system dial-stdio" alone (DOCKER_HOST=ssh://...), and not: ${wanted}`,
      1,
    );
  }
  const connection = Duplex.from({ readable: process.stdin, writable: process.stdout });
  // As much of a socket as Node's server asks for.
  Object.assign(connection, {
    setTimeout: () => connection,
    setNoDelay: () => connection,
    setKeepAlive: () => connection,
  });
  connection.on("close", () => process.exit(0));
  connection.on("error", () => process.exit(1));
  server.emit("connection", connection);
}

function end(line, code) {
  console.error(line);
  process.exit(code);
}

// ---------------------------------------------------------------- requests

/** The path without the version of the API, such as /services; undefined where it is written in an unusual way. */
function pathOf({ url }) {
  const [path] = url.split("?", 1);
  const plain = path.replace(/^\/v\d+\.\d+(?=\/)/, "");
  return plain.split("/").some((part) => part === "." || part === "..") || plain.includes("//")
    ? undefined
    : plain;
}

function readOf(request) {
  const path = pathOf(request);
  return path && READS.find(([pattern]) => pattern.test(path));
}

/** Why a request is not for the engine; undefined where it is. */
function refusalOf(request) {
  const { method, url } = request;
  if (method === "HEAD" && pathOf(request) === "/_ping") return undefined;
  if (method !== "GET") return sentence(`${method} ${url.split("?", 1)[0]} would change something`);
  if (readOf(request) === undefined)
    return sentence(`${method} ${url.split("?", 1)[0]} is nothing that a preview needs`);
  return undefined;
}

function sentence(what) {
  return `this is a read-only way to the engine, for previews alone: ${what}, and was refused. Nothing was changed.`;
}

function refuse(response, status, message) {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ message }));
}

function forward(request, response) {
  const headers = Object.fromEntries(
    PASSED_HEADERS.filter((name) => request.headers[name] !== undefined).map((name) => [
      name,
      request.headers[name],
    ]),
  );
  const { method, url: path } = request;
  const [, change] = readOf(request);
  const asked = ask(
    { socketPath: engine, method, path, headers: { host: "docker", ...headers } },
    (answer) => {
      const { statusCode } = answer;
      const said = Object.fromEntries(
        Object.entries(answer.headers).filter(([name]) => !OWN_HEADERS.includes(name)),
      );
      if (change === undefined || statusCode !== 200) {
        response.writeHead(statusCode, said);
        answer.pipe(response);
        return;
      }
      json(answer).then(
        (content) => {
          const text = JSON.stringify(change(content));
          response.writeHead(200, { ...said, "content-length": Buffer.byteLength(text) }).end(text);
        },
        (error) => refuse(response, 502, `the engine's answer can't be read: ${error.message}`),
      );
    },
  );
  asked.on("error", (error) => {
    if (response.headersSent) response.destroy();
    else refuse(response, 502, `the engine at ${engine} does not answer: ${error.message}`);
  });
  response.on("close", () => asked.destroy());
  asked.end();
}

// ---------------------------------------------------------------- answers

function withoutTokens({ JoinTokens: _secret, ...swarm }) {
  return swarm;
}

/** Services, tasks and configs of other environments without their commands, variables and contents. */
function withoutOthers(content) {
  return Array.isArray(content) ? content.map(reduced) : reduced(content);
}

function reduced(object) {
  const { Spec } = object;
  // A task has no label of its own: its container's say whose it is.
  const labels = { ...Spec?.ContainerSpec?.Labels, ...Spec?.Labels };
  if (namespaces.includes(labels[NAMESPACE_LABEL])) return object;
  const { PreviousSpec: _older, ...shown } = object;
  return { ...shown, Spec: bare(Spec) };
}

/** What names a thing, and no more of it than clients need to show it in a list. */
function bare({ Name, Labels, Mode, EndpointSpec, TaskTemplate, ContainerSpec } = {}) {
  const image = (spec) => ({ Image: spec?.Image ?? "" });
  return {
    ...(Name !== undefined && { Name, Labels: { [NAMESPACE_LABEL]: Labels?.[NAMESPACE_LABEL] } }),
    ...(Mode !== undefined && { Mode }),
    ...(EndpointSpec !== undefined && { EndpointSpec }),
    ...(TaskTemplate !== undefined && { TaskTemplate: { ContainerSpec: image(TaskTemplate.ContainerSpec) } }),
    ...(ContainerSpec !== undefined && { ContainerSpec: image(ContainerSpec) }),
  };
}
