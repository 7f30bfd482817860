import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type Docker from "dockerode";
import { dockerFields, dockerType } from "../../components/compose/docker-words";
import * as external from "../../components/compose/external";
import * as engine from "../../components/engine/engine";
import type { ApiNode, ApiService, ObservedEngine } from "../../components/engine/engine";
import program from "../../index";
import { Answers, CLUSTER_ID, DIGEST, Graph, NAME_KEY, record, Recorded } from "./recorder";
import { stackConfig } from "./stack-config";

type Values = Record<string, unknown>;

/** What a state holds of one resource or component. */
export interface Held {
  readonly inputs: Readonly<Values>;
  readonly outputs: Readonly<Values>;
}

/** Any certificate will do; its key is nowhere. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBdTCCARugAwIBAgIUCF2LcZjz+mZBNvoSAwePvk36kMgwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEbW9jazAgFw0yNjExMjIwMzEzMTFaGA8yMTI2MTAyOTAzMTMx
MVowDzENMAsGA1UEAwwEbW9jazBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABBGN
IzGJKTDdccMQobP+HsrKJnMOLC1tvtC46rGcoBHLSB5EAVLBgxT8f3cumP2PCfkB
2DWmtQ0ywTVIeH2aaD+jUzBRMB0GA1UdDgQWBBQyvEuy+lZN3KW7c3DE6vPeK981
WjAfBgNVHSMEGDAWgBQyvEuy+lZN3KW7c3DE6vPeK981WjAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0gAMEUCIQCxheVsHPkRh7nHmzVaxHi4DWlipDysuOPf
xB3FLCbbMAIgYGBke8Q2d4vQsss16NNO3V33TNeonuw1w6ZO11H1cG0=
-----END CERTIFICATE-----
`;
const LOGIN = { username: "platform", password: "generated", htpasswd: "platform:generated" };
const STASH = "pulumi:index:Stash";
const COMMAND = "command:local:Command";
const SECRET = "docker:index/secret:Secret";
const CONFIG = "docker:index/serviceConfig:ServiceConfig";
const NETWORK = "docker:index/network:Network";
const VOLUME = "docker:index/volume:Volume";
const IMAGE = "docker:index/remoteImage:RemoteImage";

/**
 * All that the program asks Pulumi for, for one stack, without Pulumi, an engine or a secret: the engine has the nodes that
 * the stack declares, and providers answer what they would, or what they did.
 *
 * @param held what the stack's state holds, by `<type> <name>`. @default nothing: as in a first run
 */
export async function programGraph(
  stack: string,
  held: ReadonlyMap<string, Held> = new Map(),
): Promise<Graph> {
  const config = stackConfig(stack);
  const restore = stubEngine(config, stack, held);
  try {
    pulumi.runtime.setAllConfig(
      Object.fromEntries(Object.entries(config).map(([key, value]) => [`swarm-platform:${key}`, value])),
    );
    const outputs = Object.fromEntries(
      [...held]
        // Whether such a file has the content that the stack file gives it can't be known.
        .filter(([, one]) => !hasSecretContent(one))
        .map(([id, one]) => [id, opened(one.outputs) as Values]),
    );
    return await record(program, {
      stack,
      state: { ...outputs, [`${STASH} registry-login`]: { output: LOGIN } },
      answers: answers(held),
    });
  } finally {
    restore();
  }
}

/** What a provider said of a resource that is there; else what it would say. */
function answers(held: ReadonlyMap<string, Held>): Answers {
  const made: Record<string, (name: string) => Values> = {
    [COMMAND]: (name) => ({ stdout: commandOutput(name) }),
    [STASH]: () => ({ output: pulumi.secret(LOGIN) }),
    [IMAGE]: (name) => ({ repoDigest: `${name}@${DIGEST}` }),
  };
  const known = (id: string, inputs: Values): Values => {
    const one = held.get(id);
    // Of another image nothing is known.
    if (one === undefined || (id.startsWith(IMAGE) && one.inputs.name !== inputs.name)) return {};
    const told = Object.entries(one.outputs).filter(
      ([key, value]) => !(key in inputs) && !isEncrypted(value),
    );
    // A secret's name is made with a key that is a secret too.
    return {
      ...Object.fromEntries(told),
      ...(id.startsWith(SECRET) && { name: one.outputs.name }),
      ...(hasSecretContent(one) && { Name: one.outputs.Name }),
    };
  };
  const types = new Set([...Object.keys(made), ...[...held.keys()].map((id) => id.split(" ")[0] ?? "")]);
  return Object.fromEntries(
    [...types].map((type) => [
      type,
      (name, inputs) => ({ ...made[type]?.(name), ...known(`${type} ${name}`, inputs) }),
    ]),
  );
}

function commandOutput(name: string): string {
  if (name === "secret-name-key") return NAME_KEY;
  if (name === "swarm") return `initialised ${CLUSTER_ID}`;
  return JSON.stringify({ certificate: CERTIFICATE, key: "generated" });
}

/** With something in the place of each encrypted value, as the program reads no others. */
function opened(value: unknown): unknown {
  if (isEncrypted(value)) return "encrypted";
  if (Array.isArray(value)) return value.map(opened);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, opened(one)]));
}

/** A secret of a stack file, or a config that has one in it. */
function hasSecretContent({ outputs: { Text, Data } }: Held): boolean {
  return isEncrypted(Text ?? Data);
}

function isEncrypted(value: unknown): boolean {
  return typeof value === "object" && value !== null && pulumi.runtime.specialSigKey in value;
}

/** Lets the program see a swarm as it is declared, or as the state holds it, in the place of a real one. */
function stubEngine(
  config: Readonly<Record<string, string>>,
  stack: string,
  held: ReadonlyMap<string, Held>,
): () => void {
  const namespace = config.namespace || stack;
  const nodes = declaredNodes(config, held);
  const manager = nodes.find(({ Spec }) => Spec.Role === "manager") ?? nodes[0];
  const observed: ObservedEngine = {
    nodeName: manager?.Description.Hostname ?? "node1",
    version: "28.2.2",
    platform: "linux/amd64",
    clusterId: (held.get("swarm-platform:index:Swarm swarm")?.outputs.clusterId ?? CLUSTER_ID) as string,
    services: heldServices(held),
    volumes: names(held, VOLUME),
    networks: heldNetworks(held),
    nodes,
    configs: names(held, CONFIG).map(object),
    secrets: names(held, SECRET).map(object),
  };
  const hosts = new Map(
    Object.entries(nodesOf(config)).map(([name, { host }]) => [host, nodes.find(hasName(name))]),
  );
  const identities = held.get(`${COMMAND} network-check`)?.inputs.environment as
    { NODES?: string } | undefined;
  const known = inDockerWords(held);
  const replaced = {
    observeEngine: () => Promise.resolve(observed),
    nodeIdentities: () =>
      Promise.resolve(
        identities?.NODES?.split("\n") ?? nodes.map(({ ID, Description }) => `${Description.Hostname} ${ID}`),
      ),
    connect: (host: string) => stubbedClient(hosts.get(host) ?? manager, known),
  };
  const original = { ...engine };
  const { missingExternals } = external;
  const { DOCKER_HOST, DOCKER_CONFIG } = process.env;
  // Nothing of this machine.
  const logins = fs.mkdtempSync(path.join(os.tmpdir(), `${namespace}-graph-`));
  delete process.env.DOCKER_HOST;
  process.env.DOCKER_CONFIG = logins;
  Object.assign(engine as object, replaced);
  // What others make can't be seen from here.
  Object.assign(external as object, { missingExternals: () => [] });
  return () => {
    Object.assign(engine as object, original);
    Object.assign(external as object, { missingExternals });
    fs.rmSync(logins, { recursive: true });
    setVariable("DOCKER_HOST", DOCKER_HOST);
    setVariable("DOCKER_CONFIG", DOCKER_CONFIG);
  };
}

function setVariable(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}

interface DeclaredNode {
  readonly host?: string;
  readonly role?: "manager" | "worker";
  readonly labels?: Readonly<Record<string, string>>;
  readonly availability?: "active" | "pause" | "drain";
}

function nodesOf({ nodes = "{}" }: Readonly<Record<string, string>>): Record<string, DeclaredNode> {
  return JSON.parse(nodes) as Record<string, DeclaredNode>;
}

const hasName =
  (name: string) =>
  ({ Description }: ApiNode): boolean =>
    Description.Hostname === name;

/** The nodes as they should be. Where none is declared there is one, of the name that services are kept on. */
function declaredNodes(config: Readonly<Record<string, string>>, held: ReadonlyMap<string, Held>): ApiNode[] {
  const declared = Object.entries(nodesOf(config));
  const alone = [...heldServices(inDockerWords(held)).values()]
    .flatMap(({ Spec }) => Spec.TaskTemplate.Placement?.Constraints ?? [])
    .map((constraint) => /^node\.hostname==(.+)$/.exec(constraint)?.[1])
    .find((name) => name !== undefined);
  if (declared.length === 0) declared.push([alone ?? "node1", { role: "manager" }]);
  return declared.map(([name, { role = "worker", labels = {}, availability = "active" }]) => ({
    ID: `${name}-id`,
    Version: { Index: 1 },
    Spec: { Role: role, Availability: availability, Labels: labels },
    Description: { Hostname: name },
    Status: { State: "ready" },
    ...(role === "manager" && { ManagerStatus: { Reachability: "reachable", Addr: `${name}:2377` } }),
  }));
}

function heldNetworks(held: ReadonlyMap<string, Held>): ObservedEngine["networks"] {
  const networks = [...held].filter(([id]) => id.startsWith(`${NETWORK} `));
  return new Map(
    networks.map(([, { inputs, outputs }]) => {
      const { name, attachable, internal, ipv6, ipamConfigs, labels } = inputs as {
        readonly name: string;
        readonly attachable?: boolean;
        readonly internal?: boolean;
        readonly ipv6?: boolean;
        readonly ipamConfigs?: readonly { readonly subnet: string; readonly gateway: string }[];
        readonly labels?: readonly Label[];
      };
      const network = {
        Id: outputs.id as string,
        Name: name,
        Driver: "overlay",
        Attachable: attachable ?? false,
        Internal: internal ?? false,
        EnableIPv6: ipv6 ?? false,
        IPAM: {
          Config: (ipamConfigs ?? []).map(({ subnet, gateway }) => ({ Subnet: subnet, Gateway: gateway })),
        },
        Labels: byName(labels),
      };
      return [name, network];
    }),
  );
}

interface Label {
  readonly label: string;
  readonly value: string;
}

function byName(labels: readonly Label[] = []): Record<string, string> {
  return Object.fromEntries(labels.map(({ label, value }) => [label, value]));
}

/** What the state holds, that of stack files too. */
function inDockerWords(held: ReadonlyMap<string, Held>): ReadonlyMap<string, Held> {
  return new Map(
    [...held].map(([id, one]): [string, Held] => {
      const [type = "", name] = id.split(" ");
      const known = dockerType(type);
      if (known === undefined) return [id, one];
      return [`${known} stack file's ${name}`, { ...one, inputs: dockerFields(type, one.inputs) }];
    }),
  );
}

/** The services that the state holds, as the program looks at them before it declares its own; none of them runs. */
function heldServices(held: ReadonlyMap<string, Held>): ObservedEngine["services"] {
  const services = [...held].filter(([id]) => id.startsWith("docker:index/service:Service "));
  return new Map(services.map(([, { inputs }]) => [String(inputs.name), apiService(inputs)]));
}

function apiService(inputs: Readonly<Values>): ApiService {
  const { mode, taskSpec, labels, name } = inputs as {
    readonly name: string;
    readonly labels?: readonly Label[];
    readonly mode?: { readonly global?: boolean; readonly replicated?: { readonly replicas?: number } };
    readonly taskSpec?: {
      readonly containerSpec?: {
        readonly image?: string;
        readonly labels?: readonly Label[];
        readonly mounts?: readonly { readonly type: string; readonly source?: string }[];
      };
      readonly networksAdvanceds?: readonly { readonly id: string; readonly aliases?: readonly string[] }[];
      readonly placement?: { readonly constraints?: readonly string[] };
    };
  };
  const { containerSpec = {}, networksAdvanceds = [], placement = {} } = taskSpec ?? {};
  return {
    ID: name,
    Version: { Index: 1 },
    UpdatedAt: "",
    Spec: {
      Name: name,
      Labels: byName(labels),
      Mode: mode?.global ? { Global: {} } : { Replicated: { Replicas: mode?.replicated?.replicas ?? 1 } },
      TaskTemplate: {
        ContainerSpec: {
          Image: containerSpec.image ?? "",
          Labels: byName(containerSpec.labels),
          Mounts: (containerSpec.mounts ?? []).map(({ type, source }) => ({
            Type: type,
            ...(source !== undefined && { Source: source }),
          })),
        },
        Networks: networksAdvanceds.map(({ id, aliases = [] }) => ({ Target: id, Aliases: aliases })),
        Placement: { Constraints: placement.constraints ?? [] },
      },
    },
  };
}

function names(held: ReadonlyMap<string, Held>, type: string): string[] {
  return [...held].filter(([id]) => id.startsWith(`${type} `)).map(([, { inputs }]) => String(inputs.name));
}

function object(name: string): { readonly name: string; readonly createdAt: string } {
  return { name, createdAt: "" };
}

/** An engine that has no image, and whose swarm is as declared, with what the state holds. */
function stubbedClient(node: ApiNode | undefined, held: ReadonlyMap<string, Held>): Docker {
  const specs = (type: string): { CreatedAt: string; Spec: { Name: string } }[] =>
    names(held, type).map((Name) => ({ CreatedAt: "", Spec: { Name } }));
  const none = (): Promise<never> => Promise.reject(new Error("there is no engine"));
  const nothing = (): Promise<never[]> => Promise.resolve([]);
  const info = {
    Name: node?.Description.Hostname,
    ServerVersion: "28.2.2",
    Swarm: { LocalNodeState: "active", ControlAvailable: node?.Spec.Role === "manager", NodeID: node?.ID },
  };
  const client = {
    info: () => Promise.resolve(info),
    listNodes: nothing,
    listServices: () => Promise.resolve([...heldServices(held).values()]),
    listNetworks: () => Promise.resolve(names(held, NETWORK).map((Name) => ({ Name, Scope: "swarm" }))),
    listConfigs: () => Promise.resolve(specs(CONFIG)),
    listSecrets: () => Promise.resolve(specs(SECRET)),
    listVolumes: () => Promise.resolve({ Volumes: names(held, VOLUME).map((Name) => ({ Name })) }),
    getImage: () => ({ inspect: none }),
    modem: { dial: (_: object, done: (error: Error) => void) => done(new Error("there is no engine")) },
  };
  return client as unknown as Docker;
}

/** A moment, which no two runs share, and days of a schedule. */
const MOMENT = /\d{4}-\d\d-\d\dT[\d:.]+Z|(?<=due since )\d{4}-\d\d-\d\d/g;

/**
 * A graph as a golden file holds it: without what depends on the sources of the images or on secrets, and with the content
 * of configs in lines.
 */
export function golden({ resources }: Graph): unknown[] {
  const images = resources.filter(
    ({ type, name }) => type.endsWith(":RemoteImage") && isBuilt(resources, name),
  );
  const tags = images.map(({ inputs }) => String(inputs.name));
  return resources.map(({ type, name, parent, provider, inputs, dependsOn, options }) => {
    const data = typeof inputs.data === "string" ? inputs.data : undefined;
    const lines = data && Buffer.from(data, "base64").toString("utf8").split("\n");
    const readable = { ...inputs, ...(lines !== undefined && { data: lines }) };
    const text = tags.reduce(
      (all, tag) => all.replaceAll(tag, tag.replace(/:[^:]*$/, ":<hash>")),
      JSON.stringify(readable, hideSecret).replace(MOMENT, "<time>"),
    );
    return { type, name, parent, provider, inputs: JSON.parse(text) as unknown, dependsOn, options };
  });
}

function isBuilt(resources: readonly Recorded[], name: string): boolean {
  return resources.some((one) => one.type.endsWith(":ImageBuild") && one.name === name);
}

function hideSecret(_key: string, value: unknown): unknown {
  const secret = typeof value === "object" && value !== null && "<secret>" in value;
  return secret ? "<secret>" : value;
}
