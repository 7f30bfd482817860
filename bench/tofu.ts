import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { PROVIDER_SOURCE } from "./tofu-file";

/** OpenTofu with the docker provider that Pulumi's plugin bridges, from Go modules (peers/). */
export interface Tofu {
  /** Path of its binary. */
  readonly program: string;
  readonly version: string;
  /** Path of the configuration by which it finds the provider. */
  readonly cliConfig: string;
  /** As the provider is called in the mirror. */
  readonly providerVersion: string;
}

const PEERS = path.join(__dirname, "peers");
/** The release before the commit of peers/terraform-provider-docker. */
const PROVIDER_VERSION = "4.6.0";
const MODULES = {
  opentofu: "github.com/opentofu/opentofu/cmd/tofu",
  "terraform-provider-docker": "github.com/terraform-providers/terraform-provider-docker",
} as const;

/**
 * Builds what is not in the cache yet, which takes several minutes once.
 *
 * @param cache folder that stays.
 * @param say tells what it does.
 * @throws Error saying why there can be none.
 */
export function buildTofu(cache: string, say: (line: string) => void): Tofu {
  const version = /opentofu\/opentofu v(\S+)/.exec(goMod("opentofu"))?.[1] ?? "";
  const commit = /=> \S+terraform-provider-docker (\S+)/.exec(goMod("terraform-provider-docker"))?.[1] ?? "";
  const folder = path.join(cache, "bench");
  const program = build("opentofu", path.join(folder, `tofu-${version}`), say);
  const provider = build(
    "terraform-provider-docker",
    path.join(folder, `terraform-provider-docker-${commit}`),
    say,
  );
  const mirror = path.join(folder, "mirror");
  const there = path.join(mirror, "registry.opentofu.org", PROVIDER_SOURCE, PROVIDER_VERSION, goPlatform());
  fs.rmSync(mirror, { recursive: true, force: true });
  fs.mkdirSync(there, { recursive: true });
  fs.linkSync(provider, path.join(there, `terraform-provider-docker_v${PROVIDER_VERSION}`));
  const cliConfig = path.join(folder, "tofu.rc");
  fs.writeFileSync(
    cliConfig,
    `provider_installation {\n  filesystem_mirror {\n    path = "${mirror}"\n  }\n}\n`,
  );
  return { program, version, cliConfig, providerVersion: PROVIDER_VERSION };
}

function goMod(module: keyof typeof MODULES): string {
  return fs.readFileSync(path.join(PEERS, module, "go.mod"), "utf8");
}

function goPlatform(): string {
  return go(["env", "GOOS", "GOARCH"]).trim().split("\n").join("_");
}

function build(module: keyof typeof MODULES, binary: string, say: (line: string) => void): string {
  if (fs.existsSync(binary)) return binary;
  say(`building ${path.basename(binary)} from its Go module (once, some minutes)`);
  fs.mkdirSync(path.dirname(binary), { recursive: true });
  const part = `${binary}.part`;
  go([
    "build",
    "-C",
    path.join(PEERS, module),
    "-trimpath",
    "-buildvcs=false",
    "-ldflags",
    "-s -w",
    "-o",
    part,
    MODULES[module],
  ]);
  fs.renameSync(part, binary);
  return binary;
}

function go(args: readonly string[]): string {
  const env = { ...process.env, CGO_ENABLED: "0", GOWORK: "off", GOFLAGS: "-mod=readonly" };
  const { status, stdout, stderr, error } = spawnSync(process.env.GO ?? "go", args, {
    encoding: "utf8",
    env,
  });
  if (error !== undefined)
    throw new Error("there is no go on the PATH; install Go 1.26 or newer, or set GO to its path");
  if (status !== 0)
    throw new Error(`go ${args[0]} failed: ${stderr.trim().split("\n").slice(-3).join(" / ")}`);
  return stdout;
}
