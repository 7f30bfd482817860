import { certainSecretIn, secretIn } from "./plain-secrets";
import { UNKNOWN } from "./properties";
import type { Known } from "./properties";
import { hasSocket } from "./subject";
import type { Subject } from "./subject";

/** mandatory: fails the preview. advisory: is told. */
export type Level = "mandatory" | "advisory";

/** What a rule knows besides the resource. */
export interface Context {
  /** Values of the stack's secret configuration, by key. */
  readonly stackSecrets: Readonly<Record<string, string>>;
}

/** One thing that resources must or should be like. */
export interface Rule {
  /** As settings and waivers call it. */
  readonly name: string;
  readonly level: Level;
  /** Whether it is for production alone. @default every stack */
  readonly production?: true;
  /** Whether settings may list services that it lets. @default false */
  readonly listed?: true;
  /** What it asks for, as a sentence. */
  readonly asks: string;
  /** What to do about a resource that breaks it. */
  readonly cure: string;
  /** The same in a stack file's own words. @default the cure */
  readonly cureInStackFile?: string;
  /**
   * What breaks it: property and value, and what is allowed (for a rule with a list, that list is). Nothing for what is
   * not known yet, and for a resource that it is not about.
   */
  readonly check: (subject: Subject, context: Context) => readonly string[];
}

type Workload = Subject & { readonly is: "workload" };

/** A check of what runs. */
function workload(check: (one: Workload) => readonly string[]): Rule["check"] {
  return (subject) => (subject.is === "workload" ? check(subject) : []);
}

/** A check of a number or a text that must be there. */
function required(
  property: string,
  allowed: string,
  value: (one: Workload) => Known<number | string>,
): Rule["check"] {
  return workload((one) => {
    const found = value(one);
    if (found === UNKNOWN || (found !== undefined && Number(found) > 0)) return [];
    return [`${property} ${found === undefined ? "not set" : `= ${found}`}; allowed: ${allowed}`];
  });
}

/** In the order of the table in docs/policies.md. */
export const RULES: readonly Rule[] = [
  {
    name: "image-tag",
    level: "mandatory",
    asks: "An image has a tag other than `latest`, or a digest.",
    cure: "name the version, such as nginx:1.26.3",
    check: (subject) => {
      if ((subject.is !== "workload" && subject.is !== "image") || typeof subject.image !== "string")
        return [];
      const { tag, digest } = imageParts(subject.image);
      if (digest !== undefined || (tag !== undefined && tag !== "latest")) return [];
      const what = tag === undefined ? "without a tag" : "whose tag moves";
      return [`image = "${subject.image}" (${what}); allowed: a tag other than latest, or a digest`];
    },
  },
  {
    name: "memory-limit",
    level: "mandatory",
    asks: "What runs has a memory limit, so that it can't take down its node.",
    cure: "set memoryMiB (of docker.Service: taskSpec.resources.limits.memoryBytes)",
    cureInStackFile: "set deploy.resources.limits.memory",
    check: required("memory limit", "above 0", ({ memory }) => memory),
  },
  {
    name: "health-check",
    level: "mandatory",
    asks: "What goes on running has a health check; without one a rollout is called done that serves nobody.",
    cure: "set healthcheck, or { waived: reason } there",
    cureInStackFile: "set healthcheck.test, or the reason as deploy.labels: swarm-platform.no-health-check",
    check: workload(({ healthcheck, oneShot }) => {
      if (healthcheck === UNKNOWN || oneShot !== false) return [];
      const first = healthcheck?.[0];
      if (first !== undefined && first !== "NONE" && first !== "") return [];
      // That of an image can't be seen from here.
      return [
        `healthcheck ${first === "NONE" ? '= ["NONE"]' : "not set"}; allowed: a program that the engine runs`,
      ];
    }),
  },
  {
    name: "plain-secrets",
    level: "mandatory",
    asks:
      "No secret is where others read it: in variables, arguments, labels, build arguments and configs, which the state, " +
      "`docker inspect` and process lists show.",
    cure: "make it a file (secrets of SwarmService, docker.Secret) and give its path, such as DB_PASSWORD_FILE",
    cureInStackFile:
      "make it one of its secrets and give the path, such as DB_PASSWORD_FILE: /run/secrets/db",
    check: (subject, { stackSecrets }) => {
      if (!("texts" in subject)) return [];
      const find = subject.is === "config" ? certainSecretIn : secretIn;
      const secrets = subject.texts.flatMap((text) => {
        const reason = find(text, stackSecrets);
        return reason === undefined ? [] : [`${text.where} (${reason})`];
      });
      return secrets.length === 0 ? [] : [`in clear: ${secrets.join(", ")}`];
    },
  },
  {
    name: "docker-socket",
    level: "mandatory",
    listed: true,
    asks: "Only listed services see an engine's socket, or a folder of the node that has it: it makes them root there.",
    cure: "take the mount away, or list the service",
    check: (subject) => {
      if (!("binds" in subject)) return [];
      return subject.binds
        .filter((source) => typeof source === "string" && hasSocket(source))
        .map((source) => `mount of ${String(source)}`);
    },
  },
  {
    name: "published-ports",
    level: "mandatory",
    listed: true,
    asks: "Only the edge and other listed services publish ports: a published port is open on every address of a node.",
    cure: "add a route to the edge (components/edge/edge.ts), or list the service",
    cureInStackFile: "take ports away and let a service that may publish call it, or list the service",
    check: workload(({ ports }) => {
      if (ports === UNKNOWN || ports === undefined || ports.length === 0) return [];
      return [`published ports = ${ports.join(", ")}`];
    }),
  },
  {
    name: "network-encryption",
    level: "mandatory",
    production: true,
    asks: "In production, overlay networks are encrypted.",
    cure: "set networkEncrypted (of docker.Network: options.encrypted)",
    cureInStackFile: 'set driver_opts: { encrypted: "" }',
    check: (subject) =>
      subject.is === "network" && subject.overlay === true && subject.encrypted === false
        ? ["encrypted = false; allowed: true"]
        : [],
  },
  {
    name: "image-digest",
    level: "mandatory",
    production: true,
    asks: "In production, what runs has an image with a digest: every node runs the same bytes, tomorrow too.",
    cure: "set registry, so that built images have one; take others by ImagePull, or add @sha256:...",
    cureInStackFile:
      "set registry, so that built images have one; have the registry of others answer, or add @sha256:...",
    check: workload(({ image }) =>
      typeof image !== "string" || imageParts(image).digest !== undefined
        ? []
        : [`image = "${image}"; allowed: one with a digest`],
    ),
  },
  {
    name: "replicas",
    level: "mandatory",
    production: true,
    asks: "In production, a service that keeps no data has two tasks or more, or is global: one node may fail.",
    cure: "set replicas to 2 or more",
    cureInStackFile: "set deploy.replicas to 2 or more",
    check: workload(({ kind, replicas, stateful, oneShot }) => {
      if (stateful !== false || oneShot !== false || typeof replicas !== "number" || replicas >= 2) return [];
      const what = kind === "container" ? "one container" : `replicas = ${replicas}`;
      return [`${what}; allowed: 2 or more, or global`];
    }),
  },
  {
    name: "cpu-limit",
    level: "advisory",
    asks: "What runs has a CPU limit.",
    cure: "set cpus (of docker.Service: taskSpec.resources.limits.nanoCpus)",
    cureInStackFile: "set deploy.resources.limits.cpus",
    check: required("CPU limit", "above 0", ({ cpus }) => cpus),
  },
  {
    name: "read-only-root",
    level: "advisory",
    asks: "The root file system is read-only: what breaks in can't change the program.",
    cure: "set readOnly, with a tmpfs mount where it writes",
    cureInStackFile: "set read_only: true, with volumes of type tmpfs where it writes",
    check: workload(({ readOnly }) =>
      readOnly === UNKNOWN || readOnly === true ? [] : ["readOnly = false; allowed: true"],
    ),
  },
  {
    name: "dropped-capabilities",
    level: "advisory",
    asks: "All capabilities are dropped, but for those that are added by name.",
    cure: 'set capDrop: ["ALL"]',
    cureInStackFile: "set cap_drop: [ALL]",
    check: workload(({ capDrops, privileged }) => {
      if (privileged === true) return ["privileged = true; allowed: false"];
      if (capDrops === UNKNOWN || capDrops?.includes("ALL") || capDrops?.includes(UNKNOWN)) return [];
      const dropped = capDrops === undefined || capDrops.length === 0 ? "none" : capDrops.join(", ");
      return [`dropped capabilities = ${dropped}; allowed: ALL`];
    }),
  },
  {
    name: "non-root-user",
    level: "advisory",
    asks: "The user is set, and is not root; that of an image can't be seen.",
    cure: "set user, such as 65534:65534, also where the image sets it",
    check: workload(({ user }) => {
      if (user === UNKNOWN || (user !== undefined && !/^(|root|0+)(:|$)/.test(user))) return [];
      return [
        `user ${user === undefined || user === "" ? "not set" : `= "${user}"`}; allowed: another than root`,
      ];
    }),
  },
  {
    name: "log-rotation",
    level: "advisory",
    asks: "Logs that are files on the node are rotated.",
    cure: "set max-size (SwarmService does), or another driver than json-file",
    cureInStackFile: "set logging: { driver: json-file, options: { max-size: 10m } }, or another driver",
    check: workload(({ logDriver, logOptions }) => {
      if (logDriver === UNKNOWN || logOptions === UNKNOWN) return [];
      // A stack file that gives options alone leaves the driver's name empty.
      if (logDriver && logDriver !== "json-file") return [];
      // The engine's own default is json-file without an end, unless its configuration says otherwise.
      if (logDriver !== undefined && logOptions?.["max-size"] !== undefined) return [];
      return [`log driver ${logDriver ? "= json-file without max-size" : "not set"}; allowed: with max-size`];
    }),
  },
];

/** Tag and digest of an image's name; a port of its registry is none. An image's own id counts as its digest. */
export function imageParts(image: string): { readonly tag?: string; readonly digest?: string } {
  const [, name = image, digest] = /^(.*?)@?(sha256:[0-9a-f]{64})$/.exec(image) ?? [];
  const tag = /:([^:/]+)$/.exec(name)?.[1];
  return { ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}
