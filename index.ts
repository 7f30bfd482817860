import { ACCOUNT_EVENTS, AccountService } from "./components/accountservice";
import { edge, edgeCertificate, edgeUrls } from "./components/edge";
import { foundation } from "./components/foundation";
import { ImageBuild } from "./components/image-build";
import { ImagePull } from "./components/image-pull";
import { Kafka, observedTopics } from "./components/kafka";
import type { KafkaTopic } from "./components/kafka-topics";
import { Nginx } from "./components/nginx";
import { QuotesService } from "./components/quotes-service";
import { loadConfig } from "./config";

/** The stack's own entry for a topic counts. */
const withDefault = (topics: readonly KafkaTopic[], topic: KafkaTopic): readonly KafkaTopic[] =>
  topics.some(({ name }) => name === topic.name) ? topics : [...topics, topic];

/** Config -> foundation -> components -> outputs. */
export = async (): Promise<Record<string, unknown>> => {
  const config = loadConfig();
  const { environment, provider, onSwarm, unlockKey } = await foundation(config);
  const common = { environment };
  const topicsRead = observedTopics("kafka", { ...common, ...config.kafka });

  const pull = (name: string, image: string) => new ImagePull(name, { image }, { provider });
  const baseImages = { GO_IMAGE: pull("golang", config.images.go) };
  const build = (imageName: string) => {
    const source = { context: "services", dockerfile: `services/${imageName}/Dockerfile` };
    return new ImageBuild(imageName, { ...config, imageName, build: source, baseImages }, { provider })
      .reference;
  };
  const kafkaImage = pull("kafka", config.images.kafka).reference;
  const nginxImage = pull("nginx", config.images.nginx).reference;
  const producerImage = build("producer");

  const kafkaArgs = { ...common, ...config.kafka, image: kafkaImage, adminImage: build("kafka-admin") };
  const topics = withDefault(config.kafka.topics, ACCOUNT_EVENTS);
  const kafka = new Kafka("kafka", { ...kafkaArgs, topics, observedTopics: await topicsRead }, onSwarm);
  const quotesArgs = { ...common, ...config.quotesservice, image: build("quotes-service") };
  const quotes = new QuotesService("quotes-service", quotesArgs, onSwarm);
  const accountArgs = { ...common, ...config.accountservice, image: build("accountservice") };
  const quotesUrl = `${quotes.url}/api/quote?strength=4`;
  const kafkaBrokers = kafka.internalBootstrap;
  const accounts = new AccountService("accountservice", { ...accountArgs, quotesUrl, kafkaBrokers }, onSwarm);
  const { listeners, links } = edge(config.nginx, accounts.upstream);
  const statusPage = { title: `swarm-platform: ${config.namespace}`, links };
  const { tls, authority } = edgeCertificate(config, environment);
  const nginxArgs = { ...common, ...config.nginx, image: nginxImage, listeners, tls, statusPage };
  const nginx = new Nginx("nginx", nginxArgs, onSwarm);

  return {
    ...edgeUrls(config),
    ...(authority !== undefined && { edgeCa: authority }),
    kafkaBootstrap: kafka.externalBootstrap,
    services: [...kafka.serviceNames, ...[quotes, accounts, nginx].map(({ serviceName }) => serviceName)],
    images: {
      accountservice: accountArgs.image,
      "quotes-service": quotesArgs.image,
      producer: producerImage,
    },
    volumes: kafka.volumeNames,
    ...(config.swarmKeys.autolock && { unlockKey }),
  };
};
