// A table of the services of namespaces; nothing where there are none.
//   node --import ./tools/typescript.mjs tools/services.mjs NAMESPACE...
import { dockerLines, inspect, NAMESPACE_LABEL } from "./docker-cli.mjs";
import { table } from "./table.ts";

const listed = process.argv
  .slice(2)
  .flatMap((one) =>
    dockerLines(
      "service",
      "ls",
      "--filter",
      `label=${NAMESPACE_LABEL}=${one}`,
      "--format",
      "{{.Name}}|{{.Replicas}}|{{.Image}}",
    ).sort(),
  )
  .map((line) => line.split("|"));

if (listed.length > 0) {
  const names = listed.map(([name]) => name);
  // Of the tasks that should run, not of those that are still stopping after an update. One question for all services:
  // each takes its time.
  const running = dockerLines(
    ...[
      "service",
      "ps",
      "--filter",
      "desired-state=running",
      "--format",
      "{{.Name}}|{{.CurrentState}}",
      ...names,
    ],
  )
    .filter((line) => line.includes("|Running"))
    .map((line) => line.slice(0, line.lastIndexOf(".", line.indexOf("|"))));
  // Ports in host mode are no part of the list's column; the service knows them.
  const ports = new Map(
    inspect("service", ...names).map(({ Spec, Endpoint }) => [
      Spec.Name,
      (Endpoint?.Spec?.Ports ?? [])
        .map(({ PublishedPort, Protocol }) => `${PublishedPort}/${Protocol}`)
        .join(" "),
    ]),
  );
  const rows = listed.map(([name, replicas, image]) => {
    const ready = running.filter((one) => one === name).length;
    return [name, replicas.replace(/^\d+/, ready), image, ports.get(name) || "-"];
  });
  console.log(table([["SERVICE", "REPLICAS", "IMAGE", "PUBLISHED"], ...rows]));
}
