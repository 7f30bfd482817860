import * as pulumi from "@pulumi/pulumi";
import { Environment, EnvironmentArgs } from "../../components/environment";

/** An environment called dev, to be made inside a recorded program. */
export function testEnvironment(args: Partial<EnvironmentArgs> = {}): Environment {
  return new Environment({
    namespace: "dev",
    networkId: "network-id",
    routing: "mesh",
    timezone: "UTC",
    gate: new pulumi.ResourceHook("rollout", () => undefined),
    ...args,
  });
}
