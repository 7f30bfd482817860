// What the users do, run by k6: each asks for one account after the other, with a second between them, until the time is over.
// Without USERS one of them asks once.
import http from "k6/http";
import { sleep } from "k6";
import { Trend } from "k6/metrics";

const { BASE_URL, USERS, DURATION } = __ENV;
/** As services/accountservice seeds them. */
const FIRST_ACCOUNT = 10000;
const ACCOUNTS = 100;
const PATIENCE = 10; // seconds for one request

const all = {
  executor: "ramping-vus",
  startVUs: 0,
  stages: [{ duration: `${DURATION}s`, target: Number(USERS) }],
  // Who has asked when the time is over gets the answer.
  gracefulStop: `${PATIENCE + 2}s`,
};
const once = { executor: "per-vu-iterations", vus: 1, iterations: 1 };

export const options = {
  scenarios: { users: USERS ? all : once },
  discardResponseBodies: true,
  // An address that answers with another one is not the right one.
  maxRedirects: 0,
  summaryTrendStats: ["med", "p(90)", "p(95)", "p(99)", "max"],
};
http.setResponseCallback(http.expectedStatuses(200));
/** Refused at once is no fast answer. */
const answered = new Trend("answered", true);

export default function () {
  const id = FIRST_ACCOUNT + Math.floor(Math.random() * ACCOUNTS);
  // The name keeps all of them one series.
  const request = { tags: { name: "account" }, timeout: `${PATIENCE}s` };
  const { status, error, timings } = http.get(`${BASE_URL}/accounts/${id}`, request);
  if (status === 200) answered.add(timings.duration);
  // load/k6.ts counts these.
  else console.error(error || `status ${status}`);
  if (USERS) sleep(1);
}

export function handleSummary(data) {
  return { stdout: JSON.stringify(data) };
}
