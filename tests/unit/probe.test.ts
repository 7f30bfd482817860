import * as pulumi from "@pulumi/pulumi";
import * as docker from "@pulumi/docker";
test("x", () => { expect(typeof pulumi.output).toBe("function"); expect(typeof docker.Service).toBe("function"); });
