/** Body of a small program: Kafka by the keys of the stack, and the image of the producer that tests it. */
export const KAFKA = `
  const args = { environment, ...config.kafka };
  const topicsRead = observedTopics("kafka", args);
  const pull = (name, image) => new ImagePull(name, { image }, { provider });
  const baseImages = { GO_IMAGE: pull("golang", config.images.go) };
  const build = (imageName) => {
    const source = { context: "services", dockerfile: \`services/\${imageName}/Dockerfile\` };
    return new ImageBuild(imageName, { ...config, imageName, build: source, baseImages }, { provider }).reference;
  };
  build("producer");
  const images = { image: pull("kafka", config.images.kafka).reference, adminImage: build("kafka-admin") };
  const kafka = new Kafka("kafka", { ...args, ...images, observedTopics: await topicsRead }, onSwarm);`;

/** The same with accountservice: `accounts` on port 6767, and `accounts-alone`, which has no Kafka, on 6768. */
export const KAFKA_AND_ACCOUNTS = `${KAFKA}
  const accountImage = build("accountservice");
  const accounts = (name, published, ...args) =>
    new SwarmService(
      name,
      {
        ...{ environment, image: accountImage, args, memoryMiB: 64, stopGracePeriod: 20 },
        ports: [{ target: 6767, published }],
        healthcheck: { test: ["CMD", "/accountservice", "healthcheck"], interval: 2, startPeriod: 10 },
      },
      onSwarm,
    );
  accounts("accounts", 6767, "-kafka-brokers", kafka.internalBootstrap);
  accounts("accounts-alone", 6768);`;
