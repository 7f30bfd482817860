import * as fs from "node:fs";
import * as path from "node:path";
import type { LoadResult } from "../../load/report";
import { describeWithEngines, Engine, startEngine } from "../support/engine";
import { Workspace } from "../support/workspace";

const MINUTES = 60_000;

describeWithEngines("make load", () => {
  let engine: Engine;
  let workspace: Workspace;

  beforeAll(() => {
    engine = startEngine("load");
    workspace = new Workspace("load", engine, "dev");
    workspace.succeed("stack.sh", "up");
  }, 10 * MINUTES);
  afterAll(() => engine?.stop(), MINUTES);

  test(
    "a load of users loses nothing; its report has the requests, and what the services used meanwhile",
    () => {
      const { code, output } = workspace.with({ USERS: "20", DURATION: "6" }).tool("load.sh");
      expect({ code, output }).toMatchObject({ code: 0 });
      expect(output).toMatch(/dev_accountservice +2 +[\d.]+ +[\d.]+ +[\d.]+ MiB/);
      const [report = ""] = /\.reports\/dev\/load-\S+Z/.exec(output) ?? [];
      const folder = path.join(workspace.folder, report);
      expect(fs.readdirSync(folder).sort()).toEqual(["k6.html", "load.svg", "report.md", "summary.json"]);
      const summary = JSON.parse(fs.readFileSync(path.join(folder, "summary.json"), "utf8")) as LoadResult;
      expect(summary).toMatchObject({ users: 20, baseUrl: `http://${engine.address}:6767`, unseen: [] });
      // Each of them asks at once and then about once a second: 20 who came one by one in 6 s have asked some 60 times.
      expect(summary.outcome).toMatchObject({ failed: 0, reasons: [] });
      expect(summary.outcome.requests).toBeGreaterThan(20);
      expect(Math.max(...summary.moments.map(({ users }) => users))).toBeGreaterThan(10);
      expect(summary.services.map(({ service, tasks }) => [service, tasks])).toEqual([
        ["dev_accountservice", 2],
        ["dev_kafka-1", 1],
        ["dev_nginx", 1],
        ["dev_nginx-routes", 2],
        ["dev_quotes-service", 1],
        ["all", 7],
      ]);
      // That which is asked works, and none is without memory.
      expect(summary.services[0]?.cpu.most).toBeGreaterThan(0);
      expect(Math.min(...summary.services.map(({ memory }) => memory.most))).toBeGreaterThan(1024 * 1024);
    },
    3 * MINUTES,
  );

  test(
    "an address that does not answer gets no load",
    () => {
      const nowhere = workspace.with({ BASE_URL: `http://${engine.address}:1` }).tool("load.sh");
      expect(nowhere.code).toBe(1);
      expect(nowhere.output).toContain(
        ":1/accounts/10000 can't be asked: dial: connection refused; do: see that",
      );
    },
    MINUTES,
  );
});
