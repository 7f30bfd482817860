// What is known of a deployment, and which one a rollback returns to. No git, no engine: see deployments.mjs.

/** How many deployments of a stack are kept. */
export const KEPT = 20;

/** A resource that a deployment changed. */
export interface Change {
  readonly op: "created" | "updated" | "replaced" | "deleted";
  /** Last part of the type, such as Service. */
  readonly kind: string;
  readonly name: string;
}

/** An image that a deployment ran or built. */
export interface DeployedImage {
  /** `name:tag`, with `@sha256:...` where it is in a registry. */
  readonly reference: string;
  /** Its id on the engine, `sha256:...`; undefined where the engine did not have it. */
  readonly id?: string | undefined;
  /** Built from the sources, not pulled. */
  readonly built: boolean;
}

/** What the message of a record's commit holds, as JSON below its first line. */
export interface Details {
  readonly operation: "up" | "destroy";
  /** Name of the git user, or of this machine's. */
  readonly who: string;
  /** Short commit that was checked out; undefined before the first one. */
  readonly head?: string | undefined;
  /** Whether files differed from it. */
  readonly uncommitted: boolean;
  /** Untracked files that were too large to be recorded. */
  readonly leftOut: readonly string[];
  /** Time of the deployment that this one returned to. */
  readonly rollbackTo?: string | undefined;
  /** Undefined while it has not ended well. */
  readonly changes?: readonly Change[];
  readonly images?: readonly DeployedImage[];
}

/** A deployment that ended well, or the operation that has not. */
export interface Deployment extends Details {
  /** When it began, `2026-01-02T10-00-00Z`; names it. */
  readonly time: string;
  /** Git objects: the record's commit, and the tree of the sources. */
  readonly id: string;
  readonly tree: string;
}

/** What is recorded of a stack. */
export interface Deployments {
  /** Those that ended well, the newest first. */
  readonly done: readonly Deployment[];
  /** An operation since the newest of them that has not ended well, or a `destroy`. */
  readonly begun: Deployment | undefined;
}

/** Name of a moment, fit for a git ref. */
export function timeName(moment: Date): string {
  return moment.toISOString().replace(/\.\d+/, "").replaceAll(":", "-");
}

export function message(title: string, details: Details): string {
  return `${title}\n\n${JSON.stringify(details)}\n`;
}

/** @param text as {@link message} gave it. */
export function detailsOf(text: string): Details {
  return JSON.parse(text.slice(text.indexOf("\n\n"))) as Details;
}

/** A step of Pulumi's event log, as far as it is read here. */
export interface Step {
  readonly op: string;
  readonly urn: string;
  readonly type: string;
  readonly old?: { readonly outputs?: Readonly<Record<string, unknown>> } | null;
  readonly new?: Readonly<Partial<Record<"inputs" | "outputs", Readonly<Record<string, unknown>>>>> | null;
}

/** The steps of a preview or an update. @param log lines of JSON, `--event-log`. */
export function stepsIn(log: string, event: "resourcePreEvent" | "resOutputsEvent"): Step[] {
  return log
    .split("\n")
    .filter(Boolean)
    .flatMap((line) => {
      const step = (JSON.parse(line) as Record<string, { metadata: Step } | undefined>)[event];
      return step === undefined ? [] : [step.metadata];
    });
}

const OPS: Readonly<Record<string, Change["op"] | undefined>> = {
  create: "created",
  update: "updated",
  replace: "replaced",
  delete: "deleted",
};

/** What changes on the engine and the swarm: components and providers are no part of it. */
export function changesIn(steps: readonly Step[]): Change[] {
  const replaced = new Set(steps.filter(({ op }) => op === "create-replacement").map(({ urn }) => urn));
  const seen = new Map<string, Change>();
  for (const { op, urn, type } of steps) {
    // Of a replacement the parts show in any order, and which ones depends on who asks.
    const done = replaced.has(urn) ? "replaced" : OPS[op];
    if (done === undefined || !/^(docker|command):/.test(type)) continue;
    seen.set(urn, { op: done, kind: lastPart(type), name: urn.split("::").pop() ?? "" });
  }
  return [...seen.values()];
}

/** Images that a preview would have built. */
export function buildsIn(steps: readonly Step[]): string[] {
  return steps
    .filter(({ op, type }) => type.endsWith(":RemoteImage") && /^(create|create-replacement)$/.test(op))
    .filter((step) => step.new?.inputs?.build !== undefined)
    .map((step) => String(step.new?.inputs?.name));
}

/** References of the images that run after an update, and whether they were built. */
export function imagesIn(steps: readonly Step[]): Pick<DeployedImage, "reference" | "built">[] {
  const references = new Map<string, DeployedImage>();
  for (const { op, urn, type, new: now } of steps) {
    const [, component] = /^swarm-platform:index:(ImageBuild|ImagePull)$/.exec(type) ?? [];
    const reference = now?.outputs?.reference;
    if (component === undefined || op === "refresh" || typeof reference !== "string") continue;
    references.set(urn, { reference, built: component === "ImageBuild" });
  }
  return [...references.values()];
}

/**
 * Names on the swarm that are deleted as one resource and made as another: the two programs hold the same thing under
 * different URNs, and only the newer one has an alias. Making goes first, and the name is taken then.
 */
export function renamedIn(steps: readonly Step[]): string[] {
  const key = (type: string, name: unknown): string => `${lastPart(type).toLowerCase()} ${String(name)}`;
  const deleted = new Set(
    steps.filter(({ op }) => op === "delete").map((step) => key(step.type, step.old?.outputs?.name)),
  );
  return steps
    .filter(({ op, type, ...step }) => {
      const name = step.new?.inputs?.name;
      return op === "create" && /:(Service|Network|Volume)$/.test(type) && typeof name === "string";
    })
    .map((step) => key(step.type, step.new?.inputs?.name))
    .filter((name) => deleted.has(name));
}

function lastPart(type: string): string {
  return type.split(":").pop() ?? type;
}

/**
 * The deployment that a rollback returns to when it is not told: what ran before the last change. So a rollback after a
 * rollback undoes it, and an `up` that changed nothing is passed over. Is something half done since the newest one, or
 * destroyed, it is the newest.
 *
 * @returns undefined where there is none.
 */
export function previous({ done, begun }: Deployments): Deployment | undefined {
  const [current, ...older] = done;
  if (begun !== undefined || current === undefined) return current;
  let changed = (current.changes?.length ?? 0) > 0;
  return older.find((one) => {
    if (changed && one.tree !== current.tree) return true;
    changed ||= (one.changes?.length ?? 0) > 0;
    return false;
  });
}

/** Records that are not kept any more. */
export function surplus(done: readonly Deployment[]): readonly Deployment[] {
  return done.slice(KEPT);
}

const SIGNS = { created: "+", updated: "~", replaced: "±", deleted: "-" };

/** Changes in one cell: services by name, everything else by number. */
export function summary(changes: readonly Change[]): string {
  const services = changes.filter(({ kind }) => kind === "Service");
  const others = changes.length - services.length;
  const words = services.map(({ op, name }) => `${SIGNS[op]}${name}`);
  if (others > 0) words.push(words.length > 0 ? `${others} more` : `${others} other`);
  return words.join(" ") || "nothing";
}

/** Changes in a sentence, by what is done, and in which order a reader cares. */
export function inWords(changes: readonly Change[]): string {
  return (["deleted", "replaced", "created", "updated"] as const)
    .map(
      (op) =>
        [
          op,
          changes.filter((change) => change.op === op).map(({ kind, name }) => `${kind} ${name}`),
        ] as const,
    )
    .filter(([, named]) => named.length > 0)
    .map(([op, named]) => `${op}: ${named.join(", ")}`)
    .join("; ");
}

/** What is gone for a time or for good. An image makes room for another tag, and stays on the engine. */
export function losses(changes: readonly Change[]): readonly Change[] {
  return changes.filter(({ op, kind }) => (op === "deleted" || op === "replaced") && kind !== "RemoteImage");
}

/** The first of some files, and how many more there are; those that are deployed before documents and tests. */
export function shortList(files: readonly string[], shown = 1): string {
  const aside = (file: string): boolean => /^(tests|docs|bench|\.github)\/|\.md$/.test(file);
  const sorted = [...files].sort((a, b) => Number(aside(a)) - Number(aside(b)) || (a < b ? -1 : 1));
  const rest = sorted.length - shown;
  return sorted.slice(0, shown).join(", ") + (rest > 0 ? ` +${rest}` : "");
}
