#!/usr/bin/env node
// What the program costs on top of Pulumi: a preview without changes of the deployed stack, beside a bare
// program that declares the same resources from literals and has no code of ours. Both work on the same engine, in
// turns, the bare one on a copy of the state; medians and their ratio are printed, and image sizes.
//
//   . tools/env.sh && bench/noop-preview.mjs [rounds, default 7]        (STACK, default dev; deploy it first)
import {
  bareProject,
  deployed,
  docker,
  exportState,
  inTempFolder,
  median,
  pulumi,
  seconds,
  table,
  timed,
} from "./lib.mjs";

const rounds = Number(process.argv[2] ?? 7);

await inTempFolder((work) => {
  const bare = bareProject(`${work}/bare`, deployed.stack, exportState(deployed));
  const rows = ["off", "on"].map((refresh) => {
    const preview = (project) =>
      timed(() => pulumi(project, "preview", `--refresh=${refresh === "on"}`, "--expect-no-changes"));
    const times = { ours: [], bare: [] };
    for (let i = 0; i <= rounds; i++) {
      const [one, other] = [preview(deployed), preview(bare)];
      if (i === 0) continue; // the first fills the caches
      times.ours.push(one);
      times.bare.push(other);
    }
    const [a, b] = [median(times.ours), median(times.bare)];
    return [refresh, seconds(a), seconds(b), (a / b).toFixed(2)];
  });
  console.log(`No-op preview of ${deployed.stack}, median of ${rounds}, in turns:`);
  table(["refresh", "this program", "bare program", "ratio"], rows);
});

const images = Object.values(JSON.parse(pulumi(deployed, "stack", "output", "images", "--json")));
table(
  ["image", "size"],
  images.map((image) => {
    const bytes = docker("image", "inspect", image, "--format", "{{.Size}}");
    return [image, `${(Number(bytes) / 1e6).toFixed(1)} MB`];
  }),
);
