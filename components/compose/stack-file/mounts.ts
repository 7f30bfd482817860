import * as path from "node:path";
import type { Mount } from "./model";
import type { At, Values } from "./values";
import type { Lookup } from "./variables";

const PROPAGATIONS = ["rprivate", "private", "rshared", "shared", "rslave", "slave"] as const;
const CONSISTENCIES = ["default", "consistent", "cached", "delegated"] as const;
const TYPES = ["bind", "volume", "tmpfs", "npipe", "cluster", "image"] as const;
const OPTIONS = ["bind", "volume", "tmpfs", "image", "cluster"] as const;

/** What paths of the files are relative to, and where ~ leads. */
export interface Paths {
  /** Absolute. */
  readonly folder: string;
  readonly lookup: Lookup;
}

/** The mounts of a service; short forms as docker stack deploy takes them apart, paths of binds absolute. */
export function readMounts(
  values: Values,
  at: At | undefined,
  paths: Paths,
  service: string,
): Mount[] | undefined {
  if (at === undefined) return undefined;
  return values.items(at).flatMap((item) => {
    const mount =
      item.node.kind === "map" ? longMount(values, item, service) : shortMount(values, item, service);
    return mount === undefined ? [] : [resolved(values, item, mount, paths)];
  });
}

function resolved(values: Values, at: At, mount: Mount, { folder, lookup }: Paths): Mount {
  if (mount.type !== "bind" || mount.source === undefined) return mount;
  const home = mount.source.startsWith("~") ? lookup("HOME") : "";
  if (home === undefined) {
    values.fault(at, "starts with ~, and HOME is not set", "set HOME in env, or write the path itself");
    return mount;
  }
  const source = mount.source.startsWith("~") ? home + mount.source.slice(1) : mount.source;
  const absolute = path.posix.isAbsolute(source) || isWindowsPath(source);
  return { ...mount, source: absolute ? source : path.join(folder, source) };
}

/** With a drive, or a share or pipe of a server; a client with the other system than its engine has such paths. */
function isWindowsPath(source: string): boolean {
  return /^[A-Za-z]:[\\/]/.test(source) || /^[\\/]{2}[^\\/.][^\\/]*[\\/][^\\/.]/.test(source);
}

function longMount(values: Values, at: At, service: string): Mount | undefined {
  const type = values.choice(values.below(at, "type"), TYPES);
  const target = values.text(values.below(at, "target"));
  const source = values.text(values.below(at, "source"));
  if (type === undefined) return undefined;
  if (target === undefined || target === "") {
    values.fault(at, "has no target", "add target: with the path in the container");
    return undefined;
  }
  if (type !== "volume" && type !== "tmpfs" && !source) {
    values.fault(at, `is of type ${type} and has no source`, "add source:");
  }
  if (type === "tmpfs" && source) {
    values.fault(values.below(at, "source") ?? at, "is given for a tmpfs, which has none", "delete source:");
  }
  for (const option of OPTIONS) {
    const given = values.below(at, option);
    if (given !== undefined && option !== type && !(option === "bind" && type === "npipe")) {
      values.fault(
        given,
        `has options of ${option}, and the type is ${type}`,
        `delete ${option}:, or change the type`,
      );
    }
  }
  const readOnly = values.boolean(values.below(at, "read_only"));
  const consistency = values.choice(values.below(at, "consistency"), CONSISTENCIES);
  return {
    place: at.node.place,
    type,
    ...(source && { source }),
    target,
    ...(readOnly && { readOnly }),
    ...(consistency !== undefined && { consistency }),
    ...optionsOf(values, at, type, service),
  };
}

function optionsOf(values: Values, at: At, type: Mount["type"], service: string): Partial<Mount> {
  const options = values.below(at, type === "npipe" ? "bind" : type);
  if (options === undefined) return {};
  const ignored = (keys: readonly string[], text: string) => {
    for (const key of keys) {
      const given = values.below(options, key);
      if (given !== undefined) values.notice(given, text, service);
    }
  };
  switch (type) {
    case "bind":
    case "npipe": {
      ignored(
        ["create_host_path"],
        "Swarm never makes the folder of a bind: it must be on each node that runs the service",
      );
      ignored(["selinux"], "Swarm does not label binds for SELinux; label the folder on each node");
      const propagation = values.choice(values.below(options, "propagation"), PROPAGATIONS);
      const recursiveAt = values.below(options, "recursive");
      const recursive = values.text(recursiveAt);
      if (recursiveAt !== undefined && recursive !== "enabled" && recursive !== "disabled") {
        values.notice(
          recursiveAt,
          `${recursive} is left out: mounts below it are as the engine makes them`,
          service,
        );
      }
      return {
        bind: {
          ...(propagation !== undefined && { propagation }),
          ...(recursive === "disabled" && { nonRecursive: true }),
        },
      };
    }
    case "volume": {
      ignored(
        ["labels"],
        "labels of a volume are those of the top-level volumes section; these are left out",
      );
      const noCopy = values.boolean(values.below(options, "nocopy"));
      const subpath = values.text(values.below(options, "subpath"));
      return { volume: { ...(noCopy && { noCopy }), ...(subpath && { subpath }) } };
    }
    case "tmpfs": {
      const size = values.size(values.below(options, "size"));
      const mode = fileMode(values, values.below(options, "mode"), service);
      return { tmpfs: { ...(size !== undefined && { size }), ...(mode !== undefined && { mode }) } };
    }
    case "image": {
      const subpath = values.text(values.below(options, "subpath"));
      return { image: { ...(subpath && { subpath }) } };
    }
    case "cluster":
      return {};
  }
}

/** `[source:]target[:option,...]`; a source that looks like a path is a bind. */
function shortMount(values: Values, at: At, service: string): Mount | undefined {
  const text = values.text(at);
  if (text === undefined) return undefined;
  // A letter before a colon at the start of a part is a drive of Windows.
  const parts =
    text.length <= 2
      ? [text]
      : (text.match(/(?:^|:)(?:[A-Za-z]:)?[^:]*/g) ?? []).map((part) => part.replace(/^:/, ""));
  const [first = "", second, options, ...more] = parts;
  if (parts.includes("") || more.length > 0) {
    return values.refuse(at, "[source:]target[:options], without empty parts, such as ./data:/data:ro");
  }
  const { place } = at.node;
  if (/^[A-Za-z]:\/[^\\]*$/.test(text)) {
    values.notice(
      at,
      `${first.slice(0, 1)}: is read as a drive of Windows, as by docker stack deploy; give the volume a longer name, or write source: and target:`,
      service,
    );
  }
  if (second === undefined) return { place, type: "volume", target: first };
  const type = isPath(first) ? "bind" : "volume";
  let mount: Mount = { place, type, source: first, target: second };
  for (const option of options?.split(",") ?? []) {
    const propagation = PROPAGATIONS.find((one) => one === option);
    if (option === "ro") mount = { ...mount, readOnly: true };
    else if (propagation !== undefined) mount = { ...mount, bind: { propagation } };
    else if (option === "nocopy") mount = { ...mount, volume: { noCopy: true } };
    else if (option !== "rw") {
      values.notice(
        at,
        `option ${option} is left out, as docker stack deploy does; known are ro, rw, nocopy and ${PROPAGATIONS.join(", ")}`,
        service,
      );
    }
  }
  if (type === "volume" && mount.bind !== undefined) {
    return values.refuse(at, "ro, rw and nocopy as options of a volume, propagation for a bind alone");
  }
  if (type === "bind" && mount.volume !== undefined) {
    return values.refuse(at, "ro, rw and propagation as options of a bind, nocopy for a volume alone");
  }
  return mount;
}

function isPath(source: string): boolean {
  return /^(?:[./~]|[A-Za-z]:|\\\\)/.test(source);
}

/**
 * Permissions: a number as YAML reads it, where 0440 and 0o440 are octal and 440 is not; octal as text; decimal from a variable, as docker
 * stack deploy takes it.
 */
export function fileMode(values: Values, at: At | undefined, service: string): number | undefined {
  if (at?.node.kind !== "scalar") return undefined;
  const { value, text, written } = at.node;
  const decimal = typeof value === "number" || (written !== text && /^\d+$/.test(text));
  const mode = decimal
    ? Number(value)
    : /^0?o?[0-7]{1,4}$/.test(text)
      ? parseInt(text.replace("o", ""), 8)
      : NaN;
  if (!Number.isInteger(mode) || mode < 0 || mode > 0o7777) {
    return values.refuse(at, "permissions in octal with a 0 before them, such as 0440");
  }
  const shown = written === text || typeof value === "number" ? written : text;
  if (decimal && (/^[1-7][0-7]{2}$/.test(shown) || (shown.startsWith("0") && typeof value === "string"))) {
    values.notice(
      at,
      `${shown} is read as a decimal number, which are the permissions 0${mode.toString(8)}, also with docker stack deploy; write 0${shown.replace(/^0+/, "")} into the file itself if octal is meant`,
      service,
    );
  }
  return mode;
}
