import "./components/spare-sdk";
import { ACCOUNT_EVENTS, AccountService } from "./components/accountservice";
import { edge, edgeCertificate, edgeUrls } from "./components/edge/edge";
import { composeStacks } from "./components/compose/compose-stacks";
import { startProviders } from "./components/compose/engine-resource";
import { foundation, swarmFoundation } from "./components/foundation";
import { ImageBuild, observeImage } from "./components/images/image-build";
import { ImagePull, resolveImage } from "./components/images/image-pull";
import { Kafka, observedTopics } from "./components/kafka/kafka";
import type { KafkaTopic } from "./components/kafka/kafka-topics";
import { Nginx } from "./components/edge/nginx";
import { canKeepConnections } from "./components/edge/nginx-config";
import { QuotesService } from "./components/quotes-service";
import { loadConfig } from "./config";

/** The stack's own entry for a topic counts. */
const withDefault = (topics: readonly KafkaTopic[], topic: KafkaTopic): readonly KafkaTopic[] =>
  topics.some(({ name }) => name === topic.name) ? topics : [...topics, topic];

/** Config -> foundation -> components -> outputs. */
export = async (): Promise<Record<string, unknown>> => {
  const config = loadConfig();
  if (config.stacks.length > 0) startProviders();
  if (!config.platform) {
    const ground = await swarmFoundation(config);
    const stacks = await composeStacks(config.stacks, ground);
    return { stacks, ...(config.swarmKeys.autolock && { unlockKey: ground.unlockKey }) };
  }
  const ground = await foundation(config);
  const { environment, provider, registry, recorded, onSwarm, unlockKey } = ground;
  const stacks = await composeStacks(config.stacks, ground);
  const common = { environment };
  const topicsRead = observedTopics("kafka", { ...common, ...config.kafka });

  const pull = async (name: string, image: string) => {
    const resolved = await resolveImage(config.host, name, image, recorded);
    return new ImagePull(name, { image, resolved }, { provider });
  };
  const [golang, kafkaImage, nginxImage] = await Promise.all([
    pull("golang", config.images.go),
    pull("kafka", config.images.kafka),
    pull("nginx", config.images.nginx),
  ]);
  const build = async (imageName: string) => {
    const source = { context: "services", dockerfile: `services/${imageName}/Dockerfile` };
    const baseImages = { GO_IMAGE: golang };
    const { nodeNames } = environment;
    const args = { ...config, nodeNames, imageName, build: source, baseImages, registry };
    const observed = await observeImage(imageName, args, recorded);
    return new ImageBuild(imageName, { ...args, observed }, { provider }).reference;
  };
  const [producerImage, adminImage, quotesImage, accountsImage] = await Promise.all([
    build("producer"),
    build("kafka-admin"),
    build("quotes-service"),
    build("accountservice"),
  ]);

  const kafkaArgs = { ...common, ...config.kafka, image: kafkaImage.reference, adminImage };
  const topics = withDefault(config.kafka.topics, ACCOUNT_EVENTS);
  const kafka = new Kafka("kafka", { ...kafkaArgs, topics, observedTopics: await topicsRead }, onSwarm);
  const quotesArgs = { ...common, ...config.quotesservice, image: quotesImage };
  const quotes = new QuotesService("quotes-service", quotesArgs, onSwarm);
  const accountArgs = { ...common, ...config.accountservice, image: accountsImage };
  const quotesUrl = `${quotes.url}/api/quote?strength=4`;
  const kafkaBrokers = kafka.internalBootstrap;
  const accounts = new AccountService("accountservice", { ...accountArgs, quotesUrl, kafkaBrokers }, onSwarm);
  const { listeners, links } = edge(config.nginx, accounts.upstream);
  const statusPage = { title: `swarm-platform: ${config.namespace}`, links };
  const { tls, authority } = edgeCertificate(config, environment);
  const keepConnections = canKeepConnections(config.images.nginx);
  const edgeArgs = { image: nginxImage.reference, listeners, tls, statusPage, keepConnections };
  const nginx = new Nginx("nginx", { ...common, ...config.nginx, ...edgeArgs }, onSwarm);

  return {
    ...edgeUrls(config),
    ...(authority !== undefined && { edgeCa: authority }),
    kafkaBootstrap: kafka.externalBootstrap,
    services: [...kafka.serviceNames, ...[quotes, accounts, nginx].map(({ serviceName }) => serviceName)],
    images: {
      accountservice: accountsImage,
      "quotes-service": quotesImage,
      producer: producerImage,
    },
    volumes: kafka.volumeNames,
    ...(config.stacks.length > 0 && { stacks }),
    ...(config.swarmKeys.autolock && { unlockKey }),
  };
};
