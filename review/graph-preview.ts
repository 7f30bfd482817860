// Previews without an engine: the program runs against a mocked one (review/graph/), and what it asks for is compared.
import { spawnSync } from "node:child_process";
import { dockerType } from "../components/compose/docker-words";
import { CONFIG, NETWORK, networksOf, SECRETS, SERVICE, VOLUME } from "./changes";
import { idOf } from "./events";
import { hideSecrets } from "./hidden";
import { at, differingPaths, isObject, replaced, SECRET, tokens } from "./preview";
import type { Preview, Resource, StateResource, Step, Value, Values } from "./preview";
import { inDockerWords, isInStackFile, meantBy } from "./stack-files";
import { sayValue } from "./words";

const OUTPUT_LIMIT = 1024 * 1024 * 1024;

/** One resource as review/graph/recorder.ts records it. */
interface Recorded {
  readonly type: string;
  readonly name: string;
  readonly parent?: string;
  readonly inputs: Values;
  readonly outputs?: Values;
  readonly options: {
    readonly ignoreChanges?: readonly string[];
    readonly protect?: boolean;
    readonly retainOnDelete?: boolean;
  };
}

/** The program does not run: what it says. */
export class ProgramFault extends Error {}

interface Printed {
  readonly resources: readonly Recorded[];
  readonly golden: readonly Recorded[];
}

const IMAGE = "docker:index/remoteImage:RemoteImage";
const BUILD = "swarm-platform:index:ImageBuild";

/** Properties whose change replaces what can't change in place, see components/service/replacement.ts. */
const REPLACED: Readonly<Record<string, RegExp>> = {
  [NETWORK]: /./,
  [VOLUME]: /./,
  [CONFIG]: /./,
  [SECRETS]: /./,
  [IMAGE]: /^(?!keepLocally)/,
  [SERVICE]:
    /^(name$|mode\.global|taskSpec\.networksAdvanceds|taskSpec\.containerSpec\.(labels|hosts|sysctl))/,
};

/** The same of what stack files declare, see components/compose/provider/providers.ts. */
const REPLACED_IN_STACK_FILE: Readonly<Record<string, RegExp>> = {
  [NETWORK]: /./,
  [VOLUME]: /^Name$/,
  [CONFIG]: /^(?!Labels)/,
  [SECRETS]: /^(?!Labels)/,
  [SERVICE]: /^(Name|Mode\.\w+)$/,
};

/**
 * The program beside what the last `up` recorded.
 *
 * @param state what `pulumi stack export` prints, secrets encrypted.
 */
export function recordedPreview(stack: string, state: string): Preview {
  const { resources } = runProgram(stack, state);
  const { deployment } = JSON.parse(state) as { deployment: { resources: readonly StateResource[] } };
  const before = new Map(
    deployment.resources.filter((one) => !one.delete).map((one) => [idOf(one.urn), fromState(one)]),
  );
  const after = new Map(resources.map((one) => [`${one.type} ${one.name}`, fromGraph(one)]));
  const ignored = new Map(
    resources.map((one) => [
      `${one.type} ${one.name}`,
      ignoredOf(one, before.get(`${one.type} ${one.name}`)),
    ]),
  );
  return compared(before, after, ignored);
}

/** A secret's name is made with a key that is one too: whether there is a new value is not known here. */
function ignoredOf({ type, options }: Recorded, before: Resource | undefined): readonly string[] {
  if (type === SECRETS) return ["name", "data"];
  const { Text, Data } = before?.inputs ?? {};
  const isSecretFile = [CONFIG, SECRETS].includes(dockerType(type) ?? "") && isObject(Text ?? Data);
  return isSecretFile ? ["Name"] : (options.ignoreChanges ?? []);
}

/**
 * The program beside the golden graph of another commit.
 *
 * @param against the commit. @default where this branch left the main one, or the last commit on that
 * @returns with the golden file in words.
 */
export function goldenPreview(
  stack: string,
  against: string | undefined,
): { preview: Preview; what: string } {
  const commit = against ?? baseCommit();
  const file = `tests/unit/golden/${stack}.json`;
  const golden = git("show", `${commit}:${file}`);
  const { resources, golden: wanted } = runProgram(stack);
  const old = golden === undefined ? [] : (JSON.parse(golden) as Recorded[]);
  const changed = new Set([
    ...(git("diff", "--name-only", "--relative", commit) ?? "").split("\n"),
    ...(git("ls-files", "--others", "--exclude-standard") ?? "").split("\n"),
  ]);
  const before = new Map<string, Resource>();
  const after = new Map<string, Resource>();
  const images = builtImages(resources, changed);
  for (const one of old) before.set(`${one.type} ${one.name}`, withTags(fromGraph(one), images, "before"));
  for (const one of wanted) after.set(`${one.type} ${one.name}`, withTags(fromGraph(one), images, "now"));
  for (const { id, sources } of images) {
    const [is, will] = [before.get(id), after.get(id)];
    // A file that is there and changed; one that went shows by the others' commit alone.
    const previous = Object.fromEntries(
      Object.entries(sources).map(([path, hash]) => [path, changed.has(path) ? "before" : hash]),
    );
    if (is !== undefined) before.set(id, { ...is, outputs: { sources: previous } });
    if (will !== undefined) after.set(id, { ...will, outputs: { sources } });
  }
  const short = git("rev-parse", "--short", commit)?.trim() ?? commit;
  return {
    preview: compared(before, after, new Map()),
    what:
      golden === undefined
        ? `an empty environment (commit ${short} has no ${file})`
        : `the golden graph of commit ${short}`,
  };
}

interface BuiltImage {
  /** Id of the ImageBuild. */
  readonly id: string;
  /** Without its tag. */
  readonly repository: string;
  readonly tag: string;
  readonly sources: Readonly<Record<string, string>>;
  readonly rebuilt: boolean;
}

function builtImages(resources: readonly Recorded[], changed: ReadonlySet<string>): BuiltImage[] {
  return resources
    .filter(({ type }) => type === BUILD)
    .flatMap(({ name, outputs }) => {
      const image = resources.find((one) => one.type === IMAGE && one.name === name);
      const [, repository = "", tag = ""] = /^(.*):([^:]*)$/.exec(String(image?.inputs.name)) ?? [];
      const sources = (outputs?.sources ?? {}) as Record<string, string>;
      const rebuilt = Object.keys(sources).some((path) => changed.has(path));
      return image === undefined ? [] : [{ id: `${BUILD} ${name}`, repository, tag, sources, rebuilt }];
    });
}

/** The golden file has no tags: of an image whose sources are the same it is the present one. */
function withTags(resource: Resource, images: readonly BuiltImage[], when: "before" | "now"): Resource {
  const text = images.reduce(
    (all, { repository, tag, rebuilt }) =>
      all.replaceAll(
        `${repository}:<hash>`,
        `${repository}:${rebuilt && when === "before" ? "before" : tag}`,
      ),
    JSON.stringify(resource.inputs),
  );
  return { ...resource, inputs: JSON.parse(text) as Values };
}

/** Where this branch began: `git diff` of that shows what a reviewer of the branch sees. */
function baseCommit(): string {
  const branches = ["origin/HEAD", "origin/main", "main"];
  const bases = branches.flatMap((branch) => git("merge-base", "HEAD", branch)?.trim() ?? []);
  return bases[0] ?? "HEAD";
}

/** The commit of the code, with `+` when it was edited since; `no commit` outside a repository. */
export function commitOf(): string {
  const commit = git("rev-parse", "--short=10", "HEAD")?.trim();
  if (commit === undefined) return "no commit";
  return (git("status", "--porcelain", "--untracked-files=no")?.trim() ?? "") === "" ? commit : `${commit}+`;
}

/** Undefined when it fails. */
function git(...args: string[]): string | undefined {
  const { status, stdout } = spawnSync("git", args, { encoding: "utf8", maxBuffer: OUTPUT_LIMIT });
  return status === 0 ? stdout : undefined;
}

function runProgram(stack: string, state?: string): Printed {
  const args = [
    "--import",
    "./tools/typescript.mjs",
    "review/graph/print-graph.ts",
    stack,
    ...(state === undefined ? [] : ["held"]),
  ];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    input: state ?? "",
    maxBuffer: OUTPUT_LIMIT,
  });
  if (status !== 0) throw new ProgramFault(stderr.trim());
  return JSON.parse(stdout) as Printed;
}

// ---------------------------------------------------------------- comparing

function fromState(one: StateResource): Resource {
  return {
    id: idOf(one.urn),
    type: one.type,
    name: one.urn.split("::").slice(3).join("::"),
    parent: one.parent === undefined ? undefined : idOf(one.parent),
    inputs: defined(one.inputs ?? {}) as Values,
    outputs: one.outputs ?? {},
    retained: one.retainOnDelete ?? false,
    protected: one.protect ?? false,
  };
}

function fromGraph({ type, name, parent, inputs, outputs = {}, options }: Recorded): Resource {
  const data = inputs.data;
  const text = Array.isArray(data) ? Buffer.from(data.join("\n")).toString("base64") : data;
  return {
    id: `${type} ${name}`,
    type,
    name,
    parent,
    inputs: withoutSecrets({ ...inputs, ...(text !== undefined && { data: text }) }) as Values,
    outputs: withoutSecrets(outputs) as Values,
    retained: options.retainOnDelete ?? false,
    protected: options.protect ?? false,
  };
}

/** A secret as the recorder writes it, and as the golden file does. */
function withoutSecrets(value: Value): Value {
  if (value === "<secret>") return SECRET;
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (!isObject(value)) return value;
  if ("<secret>" in value) return SECRET;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withoutSecrets(one)]));
}

/** @param ignored paths that don't count, by id. */
function compared(
  before: ReadonlyMap<string, Resource>,
  after: ReadonlyMap<string, Resource>,
  ignored: ReadonlyMap<string, readonly string[]>,
): Preview {
  // The order of a state is that in which its resources were made, which is another one each time.
  const ids = [...new Set([...before.keys(), ...after.keys()])].sort();
  const steps = ids.flatMap((id): Step[] => {
    const [is, found] = hiddenTogether(before.get(id), after.get(id), ignored.get(id) ?? []);
    const will = meantBy(is, found);
    const type = (is ?? will)?.type ?? "";
    // How Pulumi and this machine reach an engine is not what is reviewed here.
    if (type.startsWith("pulumi:")) return [];
    const paths = is === undefined || will === undefined ? [] : differing(is, will);
    const declared = dockerType(type);
    const replaces = declared === undefined ? REPLACED[type] : REPLACED_IN_STACK_FILE[declared];
    const operation =
      is === undefined
        ? "create"
        : will === undefined
          ? "delete"
          : paths.length === 0
            ? "same"
            : paths.some((path) => replaces?.test(path))
              ? "replace"
              : "update";
    return [inDockerWords({ id, operation, recorded: is, before: is, after: will, paths })];
  });
  return { steps: withNetworks(steps), policies: [], warnings: [], errors: [] };
}

/** Services of stack files are replaced with their networks, see components/compose/compose-stack.ts. */
function withNetworks(steps: readonly Step[]): Step[] {
  const replacedOnes = steps.flatMap(({ operation, after }) =>
    operation === "replace" && after?.type === NETWORK && isInStackFile(after) ? [after] : [],
  );
  const isOn = ({ inputs }: Resource): boolean =>
    replacedOnes.some(({ inputs: { name } }) => networksOf(inputs).has(sayValue(name)));
  return steps.map((step) =>
    step.after?.type === SERVICE && step.before !== undefined && isOn(step.after)
      ? { ...step, operation: "replace" }
      : step,
  );
}

/** Components have no inputs, and their outputs are no change. */
function differing(is: Resource, will: Resource): string[] {
  return differingPaths(is.inputs, will.inputs);
}

/** Without what providers fill in: those that the bridge lists, and the command provider's only one. */
function defined(value: Value): Value {
  if (Array.isArray(value)) return value.map(defined);
  if (!isObject(value)) return value;
  const filled = new Set(["__defaults", "addPreviousOutputInEnv"]);
  if (Array.isArray(value.__defaults)) value.__defaults.forEach((key) => filled.add(String(key)));
  const entries = Object.entries(value).filter(([key, one]) => !filled.has(key) && one !== null);
  return Object.fromEntries(entries.map(([key, one]) => [key, defined(one)]));
}

function hiddenTogether(
  is: Resource | undefined,
  will: Resource | undefined,
  ignored: readonly string[],
): readonly [Resource | undefined, Resource | undefined] {
  const [oldInputs = {}, oldOutputs = {}, inputs = {}, outputs = {}] = hideSecrets(
    [is, will].flatMap((one) => [one?.inputs ?? {}, one?.outputs ?? {}]),
  );
  const kept = ignored.reduce<Values>(
    (values, path) => replaced(values, tokens(path), at(oldInputs, tokens(path))),
    inputs,
  );
  return [
    is && { ...is, inputs: oldInputs, outputs: oldOutputs },
    will && { ...will, inputs: kept, outputs },
  ];
}
