import "../../components/spare-sdk";
import * as fs from "node:fs";
import { foundation } from "../../components/foundation";
import { ImagePull, resolveImage } from "../../components/images/image-pull";
import { SwarmConfig } from "../../components/service/swarm-config";
import { SwarmService } from "../../components/service/swarm-service";
import { loadConfig } from "../../config";
import { COMMAND, CONFIG_PATH, Scene } from "../scene";

/** The scene by the project's own components, as index.ts uses them; takes the place of index.ts in a copy of the project. */
export = async (): Promise<void> => {
  const scene = JSON.parse(fs.readFileSync("scene.json", "utf8")) as Scene;
  const config = loadConfig();
  const { environment, provider, recorded, onSwarm } = await foundation(config);
  const pulled = scene.images.map(async (image) => {
    const name = image.replace(/:.*/, "");
    const resolved = await resolveImage(config.host, name, image, recorded);
    return [image, new ImagePull(name, { image, resolved }, { provider }).reference] as const;
  });
  const images = new Map(await Promise.all(pulled));
  const settings = new SwarmConfig("settings", { environment, content: scene.config }, onSwarm);
  for (const { name, image, timezone, replicas, hasConfig } of scene.services) {
    new SwarmService(
      name,
      {
        environment,
        image: images.get(image) ?? image,
        command: COMMAND,
        env: { TZ: timezone },
        replicas,
        configs: hasConfig ? [{ path: CONFIG_PATH, config: settings }] : [],
        init: true,
        memoryMiB: 16,
        stopGracePeriod: 10,
        healthcheck: { waived: "a sleep is never ill" },
        update: { monitor: 2 },
      },
      onSwarm,
    );
  }
};
