/**
 * A program on the project's own components with services of busybox alone, so that an `up` takes seconds.
 *
 * @param body statements; in scope are `service(name, args?, options?)`, which declares a SwarmService that sleeps
 * unless `args` say otherwise, `await buildImage(name, build, baseImages?)` and `await pullImage(name, image)`, which give a reference, `config`, `environment`, `provider`, `onSwarm`, `pulumi`, and the components that
 * the import lines below name.
 */
export function smallProgram(body: string): string {
  return `// @ts-nocheck: not every program uses all that is in scope
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { edge, edgeCertificate, edgeUrls } from "./components/edge/edge";
import { foundation } from "./components/foundation";
import { GeneratedCertificate } from "./components/edge/generated-certificate";
import { ImageBuild, observeImage } from "./components/images/image-build";
import { ImagePull, resolveImage } from "./components/images/image-pull";
import { Kafka, observedTopics } from "./components/kafka/kafka";
import { renderNginxConfig } from "./components/edge/nginx-config";
import { Nginx } from "./components/edge/nginx";
import { SwarmConfig } from "./components/service/swarm-config";
import { SwarmSecret } from "./components/service/swarm-secret";
import { SwarmService, SwarmServiceArgs } from "./components/service/swarm-service";
import { loadConfig } from "./config";

export = async (): Promise<void> => {
  const config = loadConfig();
  const { environment, provider, registry, recorded, onSwarm } = await foundation(config);
  const image = new ImagePull("busybox", { image: "busybox:1.35" }, { provider }).reference;
  const pullImage = async (name: string, image: string) => {
    const resolved = await resolveImage(config.host, name, image, recorded);
    return new ImagePull(name, { image, resolved }, { provider }).reference;
  };
  const buildImage = async (imageName: string, build: object, baseImages = {}) => {
    const args = { ...config, imageName, build, baseImages, registry };
    const observed = await observeImage(imageName, args, recorded);
    return new ImageBuild(imageName, { ...args, observed }, { provider }).reference;
  };
  const service = (
    name: string,
    args: Partial<SwarmServiceArgs> = {},
    options: pulumi.ComponentResourceOptions = {},
  ): SwarmService =>
    new SwarmService(
      name,
      {
        environment,
        image,
        command: ["sleep", "3600"],
        init: true,
        memoryMiB: 16,
        stopGracePeriod: 10,
        healthcheck: { waived: "a sleep is never ill" },
        update: { monitor: 2 },
        ...args,
      },
      pulumi.mergeOptions(onSwarm, options),
    );
${body}
};
`;
}
