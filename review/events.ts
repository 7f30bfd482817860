import { readPolicyEvent } from "../policy/report";
import { hideLogins, hideSecrets } from "./hidden";
import { inDockerWords } from "./stack-files";
import type { Operation, Preview, Resource, StateResource, Step, Values, Violation } from "./preview";

/** One event of Pulumi's engine (sdk/go/common/apitype/events.go), as far as it is read here. */
interface EngineEvent {
  readonly resourcePreEvent?: { readonly metadata: Metadata };
  readonly resOutputsEvent?: { readonly metadata: Metadata };
  readonly diagnosticEvent?: {
    readonly severity: string;
    readonly message: string;
    readonly urn?: string;
    readonly ephemeral?: boolean;
  };
  readonly policyEvent?: PolicyEvent;
}

interface PolicyEvent {
  readonly resourceUrn?: string;
  readonly message: string;
  readonly policyName: string;
  readonly enforcementLevel: string;
}

interface Metadata {
  readonly op: string;
  readonly urn: string;
  readonly old?: StateResource | null;
  readonly new?: StateResource | null;
  readonly detailedDiff?: Readonly<Record<string, object>> | null;
}

const OPERATIONS: Readonly<Record<string, Operation | "same">> = {
  same: "same",
  create: "create",
  update: "update",
  replace: "replace",
  delete: "delete",
};

/**
 * Reads what `pulumi preview --json` streams with PULUMI_ENABLE_STREAMING_JSON_PREVIEW: one event a line. Without that
 * variable it prints one document, which has no policies.
 *
 * @param lines those that are no event, such as what a plugin prints, are passed over.
 */
export function readEvents(lines: readonly string[]): Preview {
  const refreshed = new Map<string, Metadata>();
  const steps = new Map<string, Metadata>();
  const discarded: Metadata[] = [];
  const outputs = new Map<string, Values>();
  const policies: PolicyEvent[] = [];
  const warnings = new Set<string>();
  const errors = new Set<string>();
  for (const line of lines) {
    const event = parse(line);
    const pre = event?.resourcePreEvent?.metadata;
    const post = event?.resOutputsEvent?.metadata;
    if (post?.op === "refresh") refreshed.set(post.urn, post);
    else if (post?.new?.outputs !== undefined) outputs.set(post.urn, post.new.outputs);
    if (pre !== undefined && pre.op in OPERATIONS) steps.set(pre.urn, pre);
    else if (pre?.op === "delete-replaced") discarded.push(pre);
    const { policyEvent, diagnosticEvent } = event ?? {};
    if (policyEvent !== undefined) policies.push(policyEvent);
    else if (diagnosticEvent !== undefined && !diagnosticEvent.ephemeral) {
      const { severity, message } = diagnosticEvent;
      const text = hideLogins(plainText(message));
      if (severity === "warning") warnings.add(text);
      else if (severity === "error") errors.add(text);
    }
  }
  // Half of a replacement, which says it all, or what an earlier `up` could not delete.
  const left = discarded.filter(({ urn }) => steps.get(urn)?.op !== "replace");
  // Pulumi's order is another one each time.
  const known = new Map(
    [...steps.values()]
      .sort((a, b) => (a.urn < b.urn ? -1 : 1))
      .map((one) => [one.urn, step(one, refreshed.get(one.urn), outputs.get(one.urn))]),
  );
  return {
    steps: [
      ...known.values(),
      ...left.map((one) =>
        step({ ...one, op: "delete", urn: `${one.urn} (left over)` }, undefined, undefined),
      ),
    ],
    policies: policies.map((event) => violation(event, known.get(event.resourceUrn ?? ""))),
    warnings: [...warnings],
    errors: [...errors],
  };
}

function parse(line: string): EngineEvent | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as EngineEvent;
  } catch {
    return undefined;
  }
}

function step(metadata: Metadata, refresh: Metadata | undefined, outputs: Values | undefined): Step {
  const { urn, old, new: wanted } = metadata;
  const recorded = refresh?.old ?? old ?? undefined;
  // What is read back counts as it is, also where the engine goes on with what it has.
  const states = [
    recorded,
    old ?? undefined,
    wanted && { ...wanted, outputs: outputs ?? wanted.outputs ?? {} },
  ];
  const hidden = hideSecrets(states.flatMap((state) => [state?.inputs ?? {}, state?.outputs ?? {}]));
  const [was, before, after] = states.map((state, i) =>
    state ? resource(urn, state, hidden[2 * i] ?? {}, hidden[2 * i + 1] ?? {}) : undefined,
  );
  return inDockerWords({
    id: idOf(urn),
    operation: OPERATIONS[metadata.op] ?? "same",
    recorded: was,
    before,
    after: metadata.op === "delete" ? undefined : after,
    paths: Object.keys(metadata.detailedDiff ?? {}),
  });
}

function resource(urn: string, state: StateResource, inputs: Values, outputs: Values): Resource {
  const id = idOf(urn);
  return {
    id,
    type: state.type,
    name: nameOf(urn),
    parent: state.parent ? idOf(state.parent) : undefined,
    inputs,
    outputs,
    retained: state.retainOnDelete ?? false,
    protected: state.protect ?? false,
  };
}

function violation(event: PolicyEvent, of: Step | undefined): Violation {
  const { resourceUrn } = event;
  const service = (of?.after ?? of?.before)?.name ?? (resourceUrn ? nameOf(resourceUrn) : undefined);
  return { ...readPolicyEvent({ ...event, message: hideLogins(plainText(event.message)) }), service };
}

/** Without Pulumi's colors, and without the terminal's. */
function plainText(message: string): string {
  return message.replace(/<\{%[^%]*%\}>|\u001b\[[0-9;]*[mK]/g, "").trim();
}

/** Id of what a URN names: urn:pulumi:<stack>::<project>::<type>$<type>::<name>. */
export function idOf(urn: string): string {
  return `${urn.split("::")[2]?.split("$").pop()} ${nameOf(urn)}`;
}

function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::");
}
