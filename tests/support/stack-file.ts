import { loadStackFiles, StackFileError } from "../../components/compose/stack-file/load";
import type { Notice, StackFile } from "../../components/compose/stack-file/model";
import { tempFolder } from "./temp";

/** Files of a stack by name, in the order of their merge; a text alone is stack.yml. */
export type Files = string | Readonly<Record<string, string>>;

export interface Loaded {
  readonly folder: string;
  readonly stack: StackFile;
  /** `line path: text` each. */
  readonly notices: readonly string[];
}

const isStackFile = (name: string): boolean => name.endsWith(".yml");

/** What the files declare; those that do not end in .yml only lie beside. */
export function load(
  files: Files,
  env: Readonly<Record<string, string>> = {},
  args: { readonly envFiles?: readonly string[]; readonly profiles?: readonly string[] } = {},
): Loaded {
  const all = typeof files === "string" ? { "stack.yml": files } : files;
  const folder = tempFolder(all);
  const stack = loadStackFiles({ files: Object.keys(all).filter(isStackFile), env, folder, ...args });
  const show = ({ line, path, text }: Notice) => `${line} ${path}: ${text}`;
  return { folder, stack, notices: stack.notices.map(show) };
}

/** The faults of the files; fails when there are none. */
export function faultsOf(files: Files, env: Readonly<Record<string, string>> = {}): readonly string[] {
  try {
    load(files, env);
  } catch (error) {
    if (error instanceof StackFileError) return error.faults;
    throw error;
  }
  throw new Error("the files have no fault");
}

/** The model as plain values in one order, without places: what two files that mean the same have in common. */
export function meaning(stack: StackFile): unknown {
  const { services, networks, volumes, configs, secrets } = stack;
  const plain = (value: unknown): unknown => {
    if (value instanceof Map) return plain(Object.fromEntries(value));
    if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
    if (Array.isArray(value)) return value.map(plain);
    if (typeof value !== "object" || value === null) return value;
    const kept = Object.entries(value).filter(
      // Docker has no word for what is false.
      ([key, field]) => key !== "place" && key !== "places" && field !== false && field !== undefined,
    );
    return Object.fromEntries(
      kept.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, field]) => [key, plain(field)]),
    );
  };
  return plain({ services, networks, volumes, configs, secrets });
}
