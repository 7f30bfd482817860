import { spawnSync } from "node:child_process";
import { isScalar, parseDocument, visit } from "yaml";
import { load, meaning } from "../support/stack-file";
import { MERGES, SNIPPETS, type Snippet } from "../support/stack-snippets";

/** The client alone, no engine: `docker stack config` came with 23.0. */
const hasDocker = spawnSync("docker", ["stack", "config", "--help"]).status === 0;
if (!hasDocker) console.warn("docker stack config is not there: skipped");

/** Docker's own reading of the files, in long form, merged, and with variables filled in. */
function dockerReads({ files, env = {} }: Snippet, folder: string): string {
  const names =
    typeof files === "string" ? ["stack.yml"] : Object.keys(files).filter((name) => name.endsWith(".yml"));
  const { status, stdout, stderr } = spawnSync(
    "docker",
    ["stack", "config", ...names.flatMap((name) => ["-c", name])],
    {
      cwd: folder,
      env: { PATH: process.env.PATH, ...env },
      encoding: "utf8",
    },
  );
  if (status !== 0) throw new Error(`docker refuses it: ${stderr}`);
  const document = parseDocument(stdout, { schema: "failsafe" });
  visit(document, {
    Scalar: (key, scalar) => {
      if (key !== "key" && isScalar<string>(scalar)) scalar.value = scalar.value.replaceAll("$", "$$$$");
    },
  });
  // Their variables are in environment by now.
  for (const name of Object.keys((document.toJS() as { services: object }).services)) {
    document.deleteIn(["services", name, "env_file"]);
  }
  return document.toString({ lineWidth: 0 });
}

(hasDocker ? test : test.skip).each(
  [...SNIPPETS, ...MERGES].map((snippet) => [snippet.name, snippet] as const),
)("%s: means what docker stack config says", (_, snippet) => {
  const { folder, stack } = load(snippet.files, snippet.env);
  const { stack: docker } = load(dockerReads(snippet, folder), snippet.env);
  expect(meaning(stack)).toEqual(meaning(docker));
});
