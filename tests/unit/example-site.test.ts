import { loadStackFiles, StackFileError } from "../../components/compose/stack-file/load";
import type { StackFile } from "../../components/compose/stack-file/model";
import { PROJECT_DIR } from "../support/project";

/** Its development files have a golden graph; these are for a stack of the user's own. */
function production(env: Readonly<Record<string, string>>): StackFile {
  return loadStackFiles({
    files: ["examples/site/stack.yml", "examples/site/prod.yml"],
    envFiles: ["examples/site/prod.env"],
    env,
    folder: PROJECT_DIR,
  });
}

const SECRETS = ["POSTGRES_PASSWORD", "REDIS_PASSWORD", "TLS_CERTIFICATE", "TLS_KEY"];

test("production has no passwords of its own: each that is missing is a fault, all at once", () => {
  let faults: readonly string[] = [];
  try {
    production({});
  } catch (error) {
    faults = error instanceof StackFileError ? error.faults : [];
  }
  expect(faults).toEqual(
    SECRETS.map((name): unknown =>
      expect.stringMatching(`^examples/site/.*: the variable is not set; do: set ${name} in env`),
    ),
  );
});

test("production with them has what belongs to it, and no certificate of a job", () => {
  const { services, volumes, notices } = production(Object.fromEntries(SECRETS.map((name) => [name, "x"])));
  expect(notices).toEqual([]);
  expect(services.has("certificate")).toBe(false);
  expect([...volumes.keys()]).toEqual(["mongo", "postgres", "redis"]);
  expect(services.get("edge")).toMatchObject({
    mounts: [],
    secrets: [{ target: "/etc/nginx/tls/site.crt" }, { target: "/etc/nginx/tls/site.key", mode: 0o400 }],
    ports: [{ published: 80 }, { published: 443 }],
  });
  expect(services.get("blog")?.deploy.replicas).toBe(3);
});
