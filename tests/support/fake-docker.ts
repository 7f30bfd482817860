import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { PROJECT_DIR } from "./project";
import { tempFolder } from "./temp";

/** How a docker command answers: with text, or with what it says when it fails. */
export type DockerAnswers = Readonly<Record<string, string | { readonly fails: string }>>;

/** How a tool ended that ran with a docker that answers as told. */
export interface ToolRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Each call of docker, its arguments joined by spaces. */
  readonly calls: string[];
}

/** Runs one of tools/ with a docker that answers as told; what it is not told fails. */
export function runTool(
  tool: string,
  args: readonly string[],
  answers: DockerAnswers,
  options: {
    readonly stdin?: string;
    readonly env?: Readonly<Record<string, string>>;
    /** @default the project's */
    readonly folder?: string;
  } = {},
): ToolRun {
  const cases = Object.entries(answers).map(([call, answer]) => {
    const does =
      typeof answer === "string"
        ? `printf '%s' ${quoted(answer)}`
        : `echo ${quoted(answer.fails)} >&2; exit 1`;
    return `${quoted(call)}) ${does} ;;`;
  });
  const folder = tempFolder({
    calls: "",
    docker: `#!/bin/sh
printf '%s\\n' "$*" >>"$(dirname "$0")/calls"
case "$*" in
${cases.join("\n")}
*) echo "unexpected: docker $*" >&2; exit 64 ;;
esac
`,
  });
  fs.chmodSync(path.join(folder, "docker"), 0o755);
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [path.join(PROJECT_DIR, "tools", tool), ...args],
    {
      cwd: options.folder ?? PROJECT_DIR,
      encoding: "utf8",
      input: options.stdin ?? "",
      env: {
        PATH: `${folder}:${process.env.PATH}`,
        DOCKER_HOST: "unix:///run/test.sock",
        STACK: "dev",
        ...options.env,
      },
    },
  );
  const calls = fs.readFileSync(path.join(folder, "calls"), "utf8").split("\n").filter(Boolean);
  return { code: status, stdout, stderr, calls };
}

const quoted = (text: string): string => `'${text.replace(/'/g, `'\\''`)}'`;
