#!/usr/bin/env node
// Sends GET requests at a constant rate whether or not answers come (an open loop, so that an outage is not
// hidden by a client that waits), and writes each one's outcome as a line of JSON:
//
//   load-generator.mjs '{"rate": 150, "seconds": 120, "output": "FILE", "targets": [{"url": "...", "expect": "...", "ca": "PEM"}]}'
//
// rate: requests a second, over all targets in turn. seconds: the end, unless a SIGTERM comes first.
// expect: text that an answer must contain. ca: who signs for an https server. The lines are those of LoadSample in load.ts.
import { createWriteStream } from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { createSecureContext } from "node:tls";

const PATIENCE = 10_000; // ms for one request

const { rate, seconds, output, targets } = JSON.parse(process.argv[2]);
const kept = { "http:": new http.Agent({ keepAlive: true }), "https:": new https.Agent({ keepAlive: true }) };
const clients = { "http:": http, "https:": https };
// Made once: for each connection it would cost more than the handshake.
for (const target of targets) target.secureContext = target.ca && createSecureContext({ ca: target.ca });
const lines = createWriteStream(output);
const inFlight = new Set();
let stopped = false;
process.on("SIGTERM", () => (stopped = true));

/** Half of each target's requests go over kept connections, the others over new ones. */
function send(number) {
  const target = targets[number % targets.length];
  const agent = Math.floor(number / targets.length) % 2 === 0 && kept[new URL(target.url).protocol];
  const sample = { at: Date.now(), target: target.url };
  const began = performance.now();
  inFlight.add(sample);
  const done = (outcome) => {
    if (!inFlight.delete(sample)) return;
    lines.write(`${JSON.stringify({ ...sample, ms: performance.now() - began, ...outcome })}\n`);
  };
  ask(target, agent, done);
}

function ask(target, agent, done) {
  const { protocol } = new URL(target.url);
  const { secureContext } = target;
  const request = clients[protocol].get(target.url, { agent, secureContext, timeout: PATIENCE }, (answer) => {
    let body = "";
    answer.setEncoding("utf8");
    answer.on("data", (piece) => (body += piece));
    answer.on("end", () => {
      const missing = answer.statusCode === 200 && !body.includes(target.expect);
      done({ status: answer.statusCode, ...(missing && { error: `answer without ${target.expect}` }) });
    });
    answer.on("error", (error) => done({ status: 0, error: `${error.code} in the answer` }));
  });
  request.on("timeout", () => request.destroy(Object.assign(new Error(), { code: "TIMEOUT" })));
  request.on("error", (error) => {
    // The server closed the kept connection while the request was on its way: every client must ask again
    // (RFC 9112, 9.3.1), and browsers and Go's client do.
    if (request.reusedSocket && error.code === "ECONNRESET") {
      ask(target, false, (outcome) => done({ ...outcome, again: true }));
    } else done({ status: 0, error: error.code });
  });
}

const began = performance.now();
for (let number = 0; number < rate * seconds && !stopped; number++) {
  const wait = began + (number * 1000) / rate - performance.now();
  if (wait > 0) await sleep(wait);
  send(number);
}
while (inFlight.size > 0) await sleep(10);
for (const agent of Object.values(kept)) agent.destroy();
lines.end();
