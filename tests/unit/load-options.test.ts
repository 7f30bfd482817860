import { cureOf } from "../../load/cures";
import { readLoadOptions, readStatsDuration } from "../../load/options";

test("without any, it is 1000 users in 30 s at the stack's own address", () => {
  expect(readLoadOptions({})).toEqual({ users: 1000, duration: 30 });
  // As make hands on what is not set.
  expect(readLoadOptions({ USERS: "", DURATION: "", BASE_URL: "" })).toEqual({ users: 1000, duration: 30 });
});

test.each([
  ["http://127.0.0.1:6767", "http://127.0.0.1:6767"],
  ["https://edge.example.com/", "https://edge.example.com"],
  ["http://[::1]:8080/base//", "http://[::1]:8080/base"],
])("BASE_URL %s", (given, baseUrl) => {
  expect(readLoadOptions({ USERS: "20", DURATION: "5", BASE_URL: given })).toEqual({
    users: 20,
    duration: 5,
    baseUrl,
  });
});

test("all that is wrong is told at once, with what is allowed and what to do", () => {
  expect(() => readLoadOptions({ USERS: "0", DURATION: "30s", BASE_URL: "127.0.0.1:6767" })).toThrow(
    new RangeError(
      "make load has 3 faults; nothing was asked.\n" +
        "  - USERS = 0; allowed: a whole number from 1 to 20000; do: USERS=1000\n" +
        "  - DURATION = 30s; allowed: a whole number of seconds from 1 to 3600; do: DURATION=30\n" +
        "  - BASE_URL = 127.0.0.1:6767; allowed: http:// or https://, a host, and if need be a port and a path; " +
        "do: BASE_URL=http://127.0.0.1:6767, or leave it out for the stack's own",
    ),
  );
});

test.each([
  [{ USERS: "20001" }],
  [{ USERS: "1e3" }],
  [{ USERS: "-5" }],
  [{ DURATION: "0" }],
  [{ DURATION: "3601" }],
  [{ BASE_URL: "ftp://x" }],
  [{ BASE_URL: "http://" }],
  [{ BASE_URL: "http://x/?a=1" }],
  [{ BASE_URL: "http://x/#a" }],
  [{ BASE_URL: "http://me:hunter2@x" }],
])("%j is refused", (env) => {
  expect(() => readLoadOptions(env)).toThrow("make load has a fault; nothing was asked.");
});

test("a login in an address is not shown", () => {
  expect(() => readLoadOptions({ BASE_URL: "http://me:hunter2@x" })).toThrow(
    "BASE_URL = http://[secret]@x; allowed",
  );
});

test("the time of make stats", () => {
  expect(readStatsDuration({})).toBeUndefined();
  expect(readStatsDuration({ DURATION: "30" })).toBe(30);
  expect(() => readStatsDuration({ DURATION: "half" })).toThrow(
    "make stats has a fault; nothing was asked.\n  - DURATION = half; allowed",
  );
});

test.each([
  ["dial: connection refused", /^see that it runs \(make status\)/],
  ["lookup: no such host", /reaches it/],
  ["request timeout", /firewall/],
  ["tls: failed to verify certificate: x509: certificate signed by unknown authority", /certificate is for/],
  ["status 308", /https:\/\//],
  ["status 404", /accountsUrl/],
  ["status 503", /make logs/],
  ["EOF", /curl/],
])("%s has a cure", (reason, cure) => {
  expect(cureOf(reason)).toMatch(cure);
});
