import * as fs from "node:fs";
import * as path from "node:path";

/**
 * One stack of the collection: a folder with its files and, where there is something to say, a `case.json` (see
 * tests/fixtures/stacks/README.md).
 */
export interface StackCase {
  /** Name of its folder and of its stack. */
  readonly name: string;
  /** Absolute. */
  readonly folder: string;
  /** What is deployed, relative to the folder. */
  readonly files: readonly string[];
  /** The same in the words of `docker stack deploy`, where it can't read {@link files}. */
  readonly classic: readonly string[];
  /** What is deployed over it then. */
  readonly then?: readonly string[];
  /** Variables of the files. */
  readonly env: Readonly<Record<string, string>>;
  /** Arguments of docker commands that make what must be there before. */
  readonly prepare: readonly (readonly string[])[];
  /** Oldest version of the docker CLI whose `stack deploy` can read it. */
  readonly cli?: string;
}

interface CaseFile {
  readonly files?: readonly string[];
  readonly classic?: readonly string[];
  readonly then?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly prepare?: readonly (readonly string[])[];
  readonly cli?: string;
}

/** All stacks below a folder, by name. */
export function readStackCases(folder: string): StackCase[] {
  return fs
    .readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => readStackCase(path.join(folder, name)))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function readStackCase(folder: string): StackCase {
  const file = path.join(folder, "case.json");
  const given = fs.existsSync(file) ? (JSON.parse(fs.readFileSync(file, "utf8")) as CaseFile) : {};
  const files = given.files ?? ["stack.yml"];
  return {
    name: path.basename(folder),
    folder,
    files,
    classic: given.classic ?? files,
    then: given.then,
    env: given.env ?? {},
    prepare: given.prepare ?? [],
    cli: given.cli,
  };
}
