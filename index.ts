import * as docker from "@pulumi/docker";
import { AccountService } from "./components/accountservice";
import { edge } from "./components/edge";
import { observeEngine } from "./components/engine";
import { Environment } from "./components/environment";
import { ImageBuild } from "./components/image-build";
import { ImagePull } from "./components/image-pull";
import { Kafka } from "./components/kafka";
import { Nginx } from "./components/nginx";
import { OverlayNetwork } from "./components/overlay-network";
import { QuotesService } from "./components/quotes-service";
import { registryAuth } from "./components/registry-auth";
import { rolloutGate } from "./components/rollout-gate";
import { explainSkippedDependents } from "./components/skipped-dependents";
import { Swarm } from "./components/swarm";
import { loadConfig } from "./config";

/** Config -> provider -> components -> outputs. */
export = async (): Promise<Record<string, unknown>> => {
  explainSkippedDependents();
  const config = loadConfig();
  const { namespace, host } = config;
  const observed = await observeEngine(host);
  const auths = registryAuth(config.registry, config.dockerConfigFile);
  const provider = new docker.Provider("engine", { host, registryAuth: auths });
  const swarm = new Swarm("swarm", { ...config, observed });
  const onSwarm = { provider, dependsOn: [swarm] };
  const network = new OverlayNetwork("network", { ...config.network, namespace }, onSwarm);
  const gate = rolloutGate(host, config.rolloutTimeoutSeconds);
  const environment = new Environment({ ...config, networkId: network.networkId, gate });

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

  const common = { environment };
  const kafka = new Kafka("kafka", { ...common, ...config.kafka, image: kafkaImage }, onSwarm);
  const quotesArgs = { ...common, ...config.quotesservice, image: build("quotes-service") };
  const quotes = new QuotesService("quotes-service", quotesArgs, onSwarm);
  const accountArgs = { ...common, ...config.accountservice, image: build("accountservice") };
  const quotesUrl = `${quotes.url}/api/quote?strength=4`;
  const accounts = new AccountService("accountservice", { ...accountArgs, quotesUrl }, onSwarm);
  const { listeners, links } = edge(config.nginx, accounts.upstream);
  const statusPage = { title: `swarm-platform: ${namespace}`, links };
  const nginxArgs = { ...common, ...config.nginx, image: nginxImage, listeners, statusPage };
  const nginx = new Nginx("nginx", nginxArgs, onSwarm);

  return {
    edgeUrl: `http://${config.externalAddress}:${config.nginx.edgePort}`,
    accountsUrl: `http://${config.externalAddress}:${config.nginx.accountPort}`,
    kafkaBootstrap: kafka.externalBootstrap,
    services: [kafka, quotes, accounts, nginx].map(({ serviceName }) => serviceName),
    images: {
      accountservice: accountArgs.image,
      "quotes-service": quotesArgs.image,
      producer: producerImage,
    },
    volumes: [kafka.volumeName],
  };
};
