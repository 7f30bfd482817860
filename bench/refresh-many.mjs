#!/usr/bin/env node
// What many services cost: a refresh, and a preview (which refreshes first, then runs the program), of services
// without tasks that are declared through the project's own components, beside a bare program with the same resources
// and the same parallelism, and beside that program with the parallelism that Pulumi has by itself. In turns; medians.
//
//   . tools/env.sh && bench/refresh-many.mjs [services, default 50] [rounds, default 5]
//
// It deploys to the engine of DOCKER_HOST as stack `bench` with a state of its own, and destroys all of it at the end.
import * as fs from "node:fs";
import * as path from "node:path";
import {
  bareProject,
  copyProject,
  exportState,
  inTempFolder,
  median,
  pulumi,
  seconds,
  table,
  timed,
} from "./lib.mjs";

const STACK = "bench";
const services = Number(process.argv[2] ?? 50);
const rounds = Number(process.argv[3] ?? 5);

const PROGRAM = `
import { foundation } from "./components/foundation";
import { ImagePull } from "./components/images/image-pull";
import { SwarmService } from "./components/service/swarm-service";
import { loadConfig } from "./config";

export = async (): Promise<void> => {
  const { environment, provider, onSwarm } = await foundation(loadConfig());
  const image = new ImagePull("busybox", { image: "busybox:1.35" }, { provider }).reference;
  const healthcheck = { waived: "there are no tasks" };
  for (let i = 0; i < ${services}; i++) {
    new SwarmService(\`service-\${i}\`, { environment, image, healthcheck, replicas: 0 }, onSwarm);
  }
};
`;

/** One machine, and no address of an environment that may be there. */
const CONFIG = `config:
  swarm-platform:routing: host
  swarm-platform:networkEncrypted: "false"
  swarm-platform:networkSubnet: 10.0.200.0/24
  swarm-platform:networkGateway: 10.0.200.1
  swarm-platform:advertiseAddress: 127.0.0.1
`;

await inTempFolder((work) => {
  const env = { PULUMI_CONFIG_PASSPHRASE: "of no use afterwards" };
  const ours = copyProject(`${work}/ours`, STACK, env);
  fs.writeFileSync(path.join(ours.folder, "index.ts"), PROGRAM);
  fs.appendFileSync(path.join(ours.folder, `Pulumi.${STACK}.yaml`), CONFIG);
  try {
    pulumi(ours, "up", "--yes", "--skip-preview");
    const bare = bareProject(`${work}/bare`, STACK, exportState(ours), env);
    const itsOwn = { ...bare, env: { ...bare.env, PULUMI_PARALLEL: undefined } };
    const programs = {
      "this program": ours,
      "bare program": bare,
      "bare program, Pulumi's own parallelism": itsOwn,
    };
    const operations = {
      refresh: ["refresh", "--preview-only"],
      preview: ["preview", "--expect-no-changes"],
    };
    for (const [operation, args] of Object.entries(operations)) {
      const run = (project) => timed(() => pulumi(project, ...args));
      for (const project of Object.values(programs)) run(project); // fills the caches
      const times = Object.fromEntries(Object.keys(programs).map((name) => [name, []]));
      for (let i = 0; i < rounds; i++) {
        for (const [name, project] of Object.entries(programs)) times[name].push(run(project));
      }
      const reference = median(times["bare program"]);
      console.log(`\n\`pulumi ${operation}\` of ${services} services, median of ${rounds}, in turns:`);
      table(
        ["", "parallel", "time", "more than bare", "ratio"],
        Object.entries(times).map(([name, all]) => {
          const parallel = { ...process.env, ...programs[name].env }.PULUMI_PARALLEL ?? "default";
          const time = median(all);
          return [name, parallel, seconds(time), seconds(time - reference), (time / reference).toFixed(2)];
        }),
      );
    }
  } finally {
    pulumi(ours, "destroy", "--yes", "--skip-preview");
  }
});
