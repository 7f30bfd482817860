import * as fs from "node:fs";
import * as path from "node:path";
import bcrypt from "bcryptjs";
import { selfSigned } from "./certificates";
import { Engine, WORK } from "./engine";

/** A registry that a test runs in a container of an engine. */
export interface TestRegistry {
  /** `host:port` */
  readonly address: string;
  /** PEM of the certificate; undefined without TLS. */
  readonly certificate: string | undefined;
  /** `name:tag` of all that it has, sorted. */
  images(): string[];
  stop(): void;
  start(): void;
  /** Loses all that it has. */
  empty(): void;
}

export interface TestRegistryOptions {
  /** Address of the engine at which it is reached. @default 127.0.0.1 */
  readonly host?: string;
  /** `name:password`. @default anybody may do anything */
  readonly login?: string;
  /** @default false */
  readonly tls?: boolean;
}

const PORT = 5000;
const NAME = "registry-of-test";
const STORE = "/var/lib/registry/docker/registry/v2";

/** Starts it; it ends with the engine. */
export async function startRegistry(
  engine: Engine,
  { host = "127.0.0.1", login, tls = false }: TestRegistryOptions = {},
): Promise<TestRegistry> {
  const folder = fs.mkdtempSync(path.join(WORK, "registry-"));
  const pair = tls ? await selfSigned({ names: [host] }) : undefined;
  const config = {
    version: 0.1,
    log: { level: "error" },
    storage: { filesystem: { rootdirectory: "/var/lib/registry" } },
    http: {
      addr: `:${PORT}`,
      ...(tls && { tls: { certificate: "/conf/certificate.pem", key: "/conf/key.pem" } }),
    },
    ...(login !== undefined && { auth: { htpasswd: { realm: "test", path: "/conf/htpasswd" } } }),
  };
  const [name, password = ""] = login?.split(":") ?? [];
  const files = {
    "config.yml": JSON.stringify(config),
    "certificate.pem": pair?.certificate ?? "",
    "key.pem": pair?.key ?? "",
    htpasswd: `${name}:${bcrypt.hashSync(password, 4)}\n`,
  };
  for (const [file, text] of Object.entries(files)) fs.writeFileSync(path.join(folder, file), text);
  engine.docker(
    ...["run", "--detach", "--name", NAME, "--publish", `${PORT}:${PORT}`, "--volume", `${folder}:/conf:ro`],
    ...["registry:2.8.3", "/conf/config.yml"],
  );
  const shell = (line: string): string => engine.docker("exec", NAME, "sh", "-c", line);
  return {
    address: `${host}:${PORT}`,
    certificate: pair?.certificate,
    images: () =>
      shell(
        `cd ${STORE}/repositories 2>/dev/null && find . -path '*/_manifests/tags/*' -name current || true`,
      )
        .split("\n")
        .flatMap(
          (line) => /^\.\/(.+)\/_manifests\/tags\/([^/]+)\/current$/.exec(line)?.slice(1).join(":") ?? [],
        )
        .sort(),
    stop: () => void engine.docker("stop", NAME),
    start: () => void engine.docker("start", NAME),
    empty: () => {
      shell(`rm -rf ${STORE}`);
      // What it knows by heart.
      engine.docker("restart", NAME);
    },
  };
}
