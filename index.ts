import * as docker from "@pulumi/docker";
import { AccountService } from "./components/accountservice";
import { observeEngine } from "./components/engine";
import { Environment } from "./components/environment";
import { ImageBuild } from "./components/image-build";
import { ImagePull } from "./components/image-pull";
import { Kafka } from "./components/kafka";
import { Nginx, STATUS_PAGE } from "./components/nginx";
import { OverlayNetwork } from "./components/overlay-network";
import { QuotesService } from "./components/quotes-service";
import { rolloutGate } from "./components/rollout-gate";
import { explainSkippedDependents } from "./components/skipped-dependents";
import { Swarm } from "./components/swarm";
import { loadConfig } from "./config";

/** Config -> provider -> components -> outputs. */
export = async (): Promise<Record<string, unknown>> => {
  explainSkippedDependents();
  const config = loadConfig();
  const observed = await observeEngine(config.host);
  const provider = new docker.Provider("engine", { host: config.host });

  const swarm = new Swarm("swarm", { ...config, observed, addressPool: config.swarmAddressPool });
  const onSwarm = { provider, dependsOn: [swarm] };
  const network = new OverlayNetwork(
    "network",
    { ...config.network, networkName: config.network.name, namespace: config.namespace },
    onSwarm,
  );
  const gate = rolloutGate(config.host, config.rolloutTimeoutSeconds);
  const environment = new Environment({ ...config, networkId: network.networkId, gate });

  const go = new ImagePull("golang", { image: config.images.go }, { provider });
  const nginxImage = new ImagePull("nginx", { image: config.images.nginx }, { provider });
  const kafkaImage = new ImagePull("kafka", { image: config.images.kafka }, { provider });
  const [accountImage, quotesImage, producerImage] = ["accountservice", "quotes-service", "producer"].map(
    (imageName) => {
      const build = { context: "services", dockerfile: `services/${imageName}/Dockerfile` };
      return new ImageBuild(
        imageName,
        { ...config, imageName, build, baseImages: { GO_IMAGE: go.reference } },
        { provider },
      );
    },
  ) as [ImageBuild, ImageBuild, ImageBuild];

  const common = { environment };
  const kafka = new Kafka(
    "kafka",
    {
      ...common,
      ...config.kafka,
      ...config,
      image: kafkaImage.reference,
      externalPort: config.kafka.port,
      externalHost: config.externalAddress,
    },
    onSwarm,
  );
  const quotes = new QuotesService(
    "quotes-service",
    { ...common, ...config.quotesservice, image: quotesImage.reference },
    onSwarm,
  );
  const accounts = new AccountService(
    "accountservice",
    {
      ...common,
      ...config.accountservice,
      image: accountImage.reference,
      quotesUrl: `${quotes.url}/api/quote?strength=4`,
    },
    onSwarm,
  );
  const nginx = new Nginx(
    "nginx",
    {
      ...common,
      ...config.nginx,
      image: nginxImage.reference,
      statusPage: {
        title: `swarm-platform: ${config.namespace}`,
        links: [
          { label: "accountservice", href: "/accounts/10000" },
          { label: "quotes-service", href: "/accounts/10000?include=quote" },
        ],
      },
      listeners: [
        {
          port: 8080,
          published: config.nginx.edgePort,
          routes: [
            { path: "/", file: STATUS_PAGE },
            { path: "/accounts/", upstream: accounts.upstream },
          ],
        },
        {
          port: 6767,
          published: config.nginx.accountPort,
          routes: [{ path: "/", upstream: accounts.upstream }],
        },
      ],
    },
    onSwarm,
  );

  return {
    edgeUrl: `http://${config.externalAddress}:${config.nginx.edgePort}`,
    accountsUrl: `http://${config.externalAddress}:${config.nginx.accountPort}`,
    kafkaBootstrap: kafka.externalBootstrap,
    services: [kafka, quotes, accounts, nginx].map(({ serviceName }) => serviceName),
    accountserviceImage: accountImage.reference,
    quotesserviceImage: quotesImage.reference,
    producerImage: producerImage.reference,
    volumes: [kafka.volumeName],
  };
};
