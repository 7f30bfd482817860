import * as fs from "node:fs";
import * as path from "node:path";
import { reason } from "./environment-reader";
import type { FileObject, Ipam, Network, Volume } from "./model";
import type { Paths } from "./mounts";
import { itemOf } from "./service-reader";
import { type Entry, plain } from "./tree";
import { type At, type Values, defined } from "./values";

/** A network of one file. */
export function readNetwork(values: Values, key: string, entry: Entry): Network {
  const at: At = { node: entry.value, path: `networks.${key}` };
  const get = (name: string) => values.below(at, name);
  return defined<Network>({
    ...itemOf(key, entry),
    ...naming(values, at, key),
    driver: values.text(get("driver")),
    driverOpts: values.strings(get("driver_opts")),
    internal: values.boolean(get("internal")),
    attachable: values.boolean(get("attachable")),
    enableIpv4: values.boolean(get("enable_ipv4")),
    enableIpv6: values.boolean(get("enable_ipv6")),
    labels: values.strings(get("labels")) ?? {},
    ipam: readIpam(values, get("ipam")),
  });
}

function readIpam(values: Values, at: At | undefined): Ipam | undefined {
  if (at === undefined || values.entries(at).length === 0) return undefined;
  return defined<Ipam>({
    driver: values.text(values.below(at, "driver")),
    options: values.strings(values.below(at, "options")),
    config: values.items(values.below(at, "config")).map((item) =>
      defined<Ipam["config"][number]>({
        subnet: values.text(values.below(item, "subnet")),
        ipRange: values.text(values.below(item, "ip_range")),
        gateway: values.text(values.below(item, "gateway")),
        auxAddresses: values.strings(values.below(item, "aux_addresses")),
      }),
    ),
  });
}

/** A volume of one file. */
export function readVolume(values: Values, key: string, entry: Entry): Volume {
  const at: At = { node: entry.value, path: `volumes.${key}` };
  const get = (name: string) => values.below(at, name);
  const clusterSpec = get("x-cluster-spec");
  const named = naming(values, at, key);
  for (const other of ["driver", "driver_opts", "labels"]) {
    const given = get(other);
    if (named.external && given !== undefined) {
      values.fault(
        given,
        "is given for an external volume, which is made by others",
        `delete ${other}:, or external:`,
      );
    }
  }
  return defined<Volume>({
    ...itemOf(key, entry),
    ...named,
    driver: values.text(get("driver")),
    driverOpts: values.strings(get("driver_opts")),
    labels: values.strings(get("labels")) ?? {},
    clusterSpec: clusterSpec && (plain(clusterSpec.node) as Record<string, unknown>),
  });
}

/** What Swarm takes as a secret or a config: at least a byte, and less than this. */
const LIMITS = { secrets: 500 * 1024, configs: 1000 * 1024 };
const SOURCES = { secrets: ["file", "environment"], configs: ["file", "environment", "content"] };

/** A config or a secret of one file, with its content. */
export function readFileObject(
  values: Values,
  section: "configs" | "secrets",
  key: string,
  entry: Entry,
  paths: Paths,
): FileObject {
  const at: At = { node: entry.value, path: `${section}.${key}` };
  const get = (name: string) => values.below(at, name);
  const named = naming(values, at, key);
  const driver = values.text(get("driver"));
  const given = ["file", "environment", "content", "driver"].filter((name) => get(name) !== undefined);
  if (!named.external && given.length !== 1) {
    const choices = [...SOURCES[section], ...(section === "secrets" ? ["driver"] : []), "external: true"];
    values.findings.fault(entry.place, {
      path: at.path,
      problem: given.length === 0 ? "says nowhere what its content is" : `has ${given.join(" and ")}`,
      allowed: `one of ${choices.join(", ")}`,
      cure: given.length === 0 ? "add file: with the path of a file" : "keep one of them",
    });
  }
  const content = named.external || given.length !== 1 ? {} : readContent(values, at, paths);
  const size = content.data?.byteLength;
  if (size !== undefined && (size === 0 || size >= LIMITS[section])) {
    values.findings.fault(entry.place, {
      path: at.path,
      problem: size === 0 ? "is empty" : `has ${size} bytes`,
      allowed: `from 1 to ${LIMITS[section] - 1} bytes, Swarm takes no others`,
      cure: size === 0 ? "give it a content" : "put what is bigger into the image, or into a volume",
    });
  }
  return defined<FileObject>({
    ...itemOf(key, entry),
    ...named,
    labels: values.strings(get("labels")) ?? {},
    ...content,
    driver,
    driverOpts: values.strings(get("driver_opts")),
    templateDriver: values.text(get("template_driver")),
  });
}

function readContent(values: Values, at: At, { folder, lookup }: Paths): Pick<FileObject, "data" | "from"> {
  const file = values.text(values.below(at, "file"));
  if (file !== undefined) {
    const absolute = path.resolve(folder, file);
    try {
      return { data: fs.readFileSync(absolute), from: { kind: "file", path: absolute } };
    } catch (error) {
      const why = reason(error as NodeJS.ErrnoException);
      values.fault(
        values.below(at, "file") ?? at,
        `= "${file}" can't be read: ${why}`,
        `make ${absolute}, or correct the path`,
      );
      return {};
    }
  }
  const variable = values.text(values.below(at, "environment"));
  if (variable !== undefined) {
    const value = lookup(variable);
    if (value !== undefined) return { data: Buffer.from(value), from: { kind: "environment", variable } };
    values.fault(
      values.below(at, "environment") ?? at,
      `= "${variable}": the variable is not set`,
      `set ${variable} in env`,
    );
    return {};
  }
  const content = values.text(values.below(at, "content"));
  return content === undefined ? {} : { data: Buffer.from(content), from: { kind: "content" } };
}

/** `name` and `external`, which can have the name too, as it was in the past. */
function naming(values: Values, at: At, key: string): { external: boolean; name?: string } {
  const externalAt = values.below(at, "external");
  const name = values.text(values.below(at, "name"));
  if (externalAt?.node.kind !== "map") {
    const external = values.boolean(externalAt) ?? false;
    return { external, ...((name || external) && { name: name || key }) };
  }
  const oldName = values.text(values.below(externalAt, "name"));
  if (oldName !== undefined && name !== undefined) {
    values.fault(externalAt, "has a name, and so has the item itself", "write name: and external: true");
  }
  return { external: true, name: name || oldName || key };
}
