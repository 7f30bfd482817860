import * as pulumi from "@pulumi/pulumi";
import * as fs from "node:fs";
import * as path from "node:path";
import { connect } from "../engine/engine";
import { imageCure } from "./image-fault";

/** Folder of the builders' logs, relative to the program; git ignores it. */
const FOLDER = ".build-logs";
/** How much of a failed build is shown. */
const LINES = 40;
/** How the builder begins; the provider appends each build to the same file. */
const BEGIN = /^#0 building with /m;
/** What a second try may get past, each once in a run. */
const MENDABLE: readonly {
  readonly cause: RegExp;
  /** What was done about it, in words. */
  readonly mend: (host: string) => Promise<string>;
}[] = [
  {
    // Said for ever after the engine has died in a build, of a cache that lacks what it lists.
    cause: /can not convert active \S+ to layer/,
    mend: async (host) => {
      await connect(host).pruneBuilder();
      return `The build cache of the engine at ${host} was damaged, as when the engine dies in a build: it was emptied.`;
    },
  },
  {
    // An answer that does not come may come the next time; a refused connection is not tried again.
    cause:
      /i\/o timeout|TLS handshake timeout|connection reset by peer|temporary failure (in name resolution|resolving)/i,
    mend: () => Promise.resolve("The network did not answer the build in time."),
  },
];

/** Log file of an image's builds, relative to the program. Makes its folder. */
export function buildLogFile(imageName: string): string {
  fs.mkdirSync(FOLDER, { recursive: true });
  return path.join(FOLDER, `${imageName.replaceAll("/", "_")}.log`);
}

/**
 * The hook that shows the end of the builder's log when a build fails, and what helps; the provider's own message
 * names only the step. It asks for another try, once, where that may help, see {@link MENDABLE}.
 *
 * @param name unique name of the hook.
 * @param file log file, see {@link buildLogFile}.
 * @param host Engine API of the engine that builds.
 */
export function handleFailedBuild(name: string, file: string, host: string): pulumi.ErrorHook {
  const mended = new Set<RegExp>();
  return new pulumi.ErrorHook(name, async ({ errors }) => {
    const log = fs.existsSync(file) ? (fs.readFileSync(file, "utf8").split(BEGIN).pop() ?? "") : "";
    const mendable = MENDABLE.find(
      ({ cause }) => !mended.has(cause) && [...errors, log].some((said) => cause.test(said)),
    );
    if (mendable !== undefined) {
      mended.add(mendable.cause);
      await pulumi.log.warn(`${await mendable.mend(host)} Building again.`);
      return true;
    }
    const shown = log.trimEnd().split("\n").slice(-LINES).join("\n");
    if (shown !== "") await pulumi.log.error(`The end of the build log, ${file}:\n${shown}`);
    const cure = imageCure(...errors, shown);
    if (cure !== undefined) await pulumi.log.error(`What to do: ${cure}; then run it again.`);
    return false;
  });
}
