import * as fs from "node:fs";
import * as path from "node:path";
import { asRaw, declaredKeys, effective, settingsIn } from "../../tools/stack-file";
import type { DeclaredKey as KeyOfFile } from "../../tools/stack-file";

/** Folder of the Pulumi program. */
export const PROJECT_DIR = path.resolve(__dirname, "../..");

/** One key as Pulumi.yaml declares it. */
export interface DeclaredKey extends KeyOfFile {
  readonly type: string;
  readonly default: string | number | boolean | object;
  readonly description: string;
}

/** All keys of Pulumi.yaml's config section, in its order. */
export function declaredConfig(): Record<string, DeclaredKey> {
  return declaredKeys(read("Pulumi.yaml")) as Record<string, DeclaredKey>;
}

/**
 * Configuration of a stack as Pulumi hands it over: defaults and Pulumi.<stack>.yaml, all as text; secrets are not
 * decrypted.
 */
export function stackConfig(stack?: string): Record<string, string> {
  const own = stack === undefined ? {} : settingsIn(read(`Pulumi.${stack}.yaml`));
  return asRaw(effective(declaredConfig(), own));
}

function read(file: string): string {
  return fs.readFileSync(path.join(PROJECT_DIR, file), "utf8");
}
