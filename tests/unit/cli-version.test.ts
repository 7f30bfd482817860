import * as grpc from "@grpc/grpc-js";
import * as pulumi from "@pulumi/pulumi";
import { EngineService, IEngineServer } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { RequirePulumiVersionResponse } from "@pulumi/pulumi/proto/engine_pb";
import { requireCli } from "../../components/engine/cli-version";

let server: grpc.Server;
const asked: string[] = [];

/** Gives the program a CLI to talk to, whose answer is the given one; none is that of a CLI older than the question. */
async function cli(answer?: IEngineServer["requirePulumiVersion"]): Promise<void> {
  server = new grpc.Server();
  server.addService(EngineService, { ...(answer && { requirePulumiVersion: answer }) });
  const port = await new Promise<number>((resolve, reject) => {
    const credentials = grpc.ServerCredentials.createInsecure();
    server.bindAsync("127.0.0.1:0", credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  pulumi.runtime.resetOptions("project", "stack", 1, `127.0.0.1:${port}`, "", false, "organization");
}

afterEach(() => {
  (pulumi.runtime.getEngine() as unknown as grpc.Client).close();
  pulumi.runtime.resetOptions("project", "stack", 1, "", "", false, "organization");
  server.forceShutdown();
});

test("a CLI that is new enough passes", async () => {
  await cli((call, reply) => {
    asked.push(call.request.getPulumiVersionRange());
    reply(null, new RequirePulumiVersionResponse());
  });
  await requireCli();
  expect(asked).toEqual([">=3.238.0"]);
});

test("an older one is refused with its version and the cure", async () => {
  const details = 'Pulumi CLI version 3.237.0 does not satisfy the version range ">=3.238.0"';
  await cli((_call, reply) => reply({ code: grpc.status.UNKNOWN, details }));
  const error = await requireCli().catch((thrown: unknown) => thrown);
  expect(pulumi.RunError.isInstance(error)).toBe(true);
  expect((error as Error).message).toBe(
    "This program needs version 3.238.0 or newer of the Pulumi CLI: with an older one, up would succeed although a " +
      `rollout failed. ${details}\n` +
      "  Nothing was changed. Take a newer one: make bootstrap, then . tools/env.sh; or upgrade your own\n" +
      "  (https://www.pulumi.com/docs/install).",
  );
});

test("one that is too old to know the question is refused too", async () => {
  await cli();
  await expect(requireCli()).rejects.toThrow(
    /^This program needs version 3\.238\.0 or newer .* does not support/,
  );
});
