import * as fs from "node:fs";
import { asText, namespacesOf, settingsIn } from "../tools/stack-file";
import type { Subject } from "./sampler";

/** The services of a stack, by its file and DOCKER_HOST. */
export function subjectOf(stack: string): Subject {
  const file = `Pulumi.${stack}.yaml`;
  const settings = fs.existsSync(file) ? settingsIn(fs.readFileSync(file, "utf8")) : {};
  return {
    host: process.env.DOCKER_HOST || "unix:///var/run/docker.sock",
    namespaces: namespacesOf(stack, settings),
    nodes: JSON.parse(asText(settings.nodes) || "{}") as Subject["nodes"],
  };
}
