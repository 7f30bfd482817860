import * as pulumi from "@pulumi/pulumi";
import * as path from "node:path";
import { contentHash, contentName, keyedHash } from "../content-name";
import { reasonOf, removeService } from "../engine/engine";
import { ImageBuild, ObservedImage, observeImage } from "../images/image-build";
import { unfinished } from "../rollout/rollout";
import { holdBackDependents } from "../rollout/skipped-dependents";
import {
  convertNetwork,
  convertService,
  convertVolume,
  IMAGE_LABEL,
  nameOf,
  NamedStack,
  usedNetworks,
  withNamespace,
} from "./convert";
import { EngineResource, typeOf } from "./engine-resource";
import { at, missingExternals } from "./external";
import { registryOf, StackImage, taggedImage } from "../images/image-reference";
import { HeldPort, heldPorts, publishes } from "./published-ports";
import { loadStackFiles, StackFileArgs, StackFileError } from "./stack-file/load";
import type { FileObject, Service, StackFile } from "./stack-file/model";
import { defined, Fields, isFields, text, Value } from "./provider/shown-spec";
import type { StackEnvironment } from "./stack-environment";

export interface ComposeStackArgs {
  readonly environment: StackEnvironment;
  /** Stack files, relative to the program; of what several say the later wins. */
  readonly files: readonly string[];
  /** Variables for `${...}` in the files; those of the process are not used. @default none */
  readonly env?: Readonly<Record<string, string>>;
  /** Files of further variables, such as .env. @default none */
  readonly envFiles?: readonly string[];
  /** Profiles whose services are deployed beside those that have none. @default none */
  readonly profiles?: readonly string[];
  /** Name on the swarm, as in `docker stack deploy NAMESPACE`. @default the component's name */
  readonly namespace?: string;
  /** Values that must not be seen, such as passwords among `env`. @default none */
  readonly secretValues?: readonly string[];
  /** Any text. With another one, the tags of the images are asked for anew. @default "" */
  readonly resolveImages?: string;
  /** Whether destroy deletes the volumes too. @default false */
  readonly purgeData?: boolean;
  /**
   * Whether this run only takes over what `docker stack deploy` has made, and leaves out what is not there; the provider
   * is told by the environment, see tools/adopt.mjs. @default false
   */
  readonly adopting?: boolean;
  /** See observeImage; by service. Needed where images are built and there is a registry. @default none */
  readonly observedBuilds?: ReadonlyMap<string, ObservedImage | undefined>;
}

const TYPE = "swarm-platform:index:ComposeStack";

/** What is kept of images from run to run. */
interface RecordedImages {
  readonly [service: string]: StackImage | undefined;
}

/**
 * What `docker stack deploy` makes of stack files, with a preview, drift, rotation and pruning. The files decide: it
 * adds no default of its own.
 */
export class ComposeStack extends pulumi.ComponentResource {
  /** Full names of the services. */
  public readonly serviceNames: pulumi.Output<string[]>;
  private readonly file: StackFile;
  private readonly namespace: string;
  private readonly networks = new Map<string, EngineResource>();
  private readonly volumes = new Map<string, EngineResource>();
  private readonly configs = new Map<string, EngineResource>();
  private readonly secrets = new Map<string, EngineResource>();
  private readonly services = new Map<string, EngineResource>();
  private readonly images = new Map<string, pulumi.Output<StackImage>>();
  /** By service: those that give up a port which it publishes from now on. */
  private readonly givers = new Map<string, readonly Service[]>();
  /** By service: those that have left the files, with a port which it publishes from now on. */
  private readonly removedFirst = new Map<string, readonly Pick<HeldPort, "holder" | "port">[]>();

  constructor(
    private readonly name: string,
    private readonly args: ComposeStackArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super(TYPE, name, {}, opts);

    this.namespace = args.namespace ?? name;
    this.file = this.load();
    this.refuse([
      ...missingExternals(this.namespace, this.file, args.environment.observed),
      ...this.takenPorts(),
    ]);
    this.declareNetworks();
    this.declareVolumes();
    this.declareConfigs();
    this.declareSecrets();
    for (const service of this.inOrder()) this.declareService(service);
    this.serviceNames = pulumi.all([...this.services.values()].map(({ Name }) => Name));
    this.registerOutputs({
      serviceNames: this.serviceNames,
      images: pulumi.all(Object.fromEntries(this.images)),
      resolveImages: args.resolveImages ?? "",
    });
  }

  private load(): StackFile {
    const file = this.read();
    for (const { text: notice, service, ...place } of file.notices) {
      void pulumi.log.warn(`${at(place)}: ${service === undefined ? "" : `${service}: `}${notice}`, this);
    }
    return file;
  }

  private read(): StackFile {
    try {
      return loadStackFiles(fileArgs(this.args));
    } catch (error) {
      throw error instanceof StackFileError ? new pulumi.ResourceError(error.message, this, true) : error;
    }
  }

  /** Ports of the files that another service has. */
  private takenPorts(): string[] {
    const { observed, nodeNames } = this.args.environment;
    const faults: string[] = [];
    for (const held of heldPorts(this.namespace, this.file, observed.services, nodeNames.length)) {
      const { place, key, port, holder } = held;
      const giver = [...this.file.services.values()].find(
        (one) => nameOf(this.namespace, one.key) === holder,
      );
      if (giver !== undefined) {
        if (!publishes(giver, port)) this.givers.set(key, [...(this.givers.get(key) ?? []), giver]);
      } else if (this.isPruned(holder)) {
        this.removedFirst.set(key, [...(this.removedFirst.get(key) ?? []), { holder, port }]);
      } else {
        faults.push(
          `${at(place)}: port ${port} of ${key} is taken by service ${holder}; do: publish another one, or ` +
            `remove that service (docker service rm ${holder})`,
        );
      }
    }
    return faults;
  }

  /** Whether a service that the files have no more is this program's, which removes it at the end of this run. */
  private isPruned(fullName: string): boolean {
    const key = fullName.slice(this.namespace.length + 1);
    return this.args.environment.recorded.of(typeOf("Service"), this.child(key))?.Name === fullName;
  }

  private refuse(faults: readonly string[]): void {
    if (faults.length === 0) return;
    throw new pulumi.ResourceError(
      `Stack ${this.namespace} can't be declared:\n${faults.map((line) => `  - ${line}`).join("\n")}`,
      this,
      true,
    );
  }

  private declareNetworks(): void {
    const { observed } = this.args.environment;
    for (const key of usedNetworks(this.file)) {
      const declared = this.file.networks.get(key);
      if (declared?.external) continue;
      const fields = convertNetwork(this.namespace, key, declared);
      if (this.isLeftOut(observed.networks, fields.Name)) continue;
      // Two networks of one name would be one too many.
      const options = { parent: this, deleteBeforeReplace: true };
      this.networks.set(
        key,
        new EngineResource("Network", this.child(key), this.allConcealed(fields), options),
      );
    }
  }

  /**
   * In a swarm of several nodes Swarm makes each volume with the task that needs it, on the task's node; and everywhere
   * one whose name each task fills in for itself.
   */
  private declareVolumes(): void {
    const { nodeNames, observed } = this.args.environment;
    if (nodeNames.length > 1) return;
    const mounted = new Set(
      [...this.file.services.values()].flatMap(({ mounts }) =>
        mounts.flatMap(({ type, source }) => (type === "volume" && source !== undefined ? [source] : [])),
      ),
    );
    const purge = this.args.purgeData ?? false;
    for (const [key, volume] of this.file.volumes) {
      if (volume.external || !mounted.has(key) || volume.name?.includes("{{")) continue;
      const fields = { ...convertVolume(this.namespace, volume), ...(purge && { purge }) };
      if (this.isLeftOut(observed.volumes, nameOf(this.namespace, key, volume))) continue;
      const options = { parent: this, retainOnDelete: !purge };
      this.volumes.set(
        key,
        new EngineResource("Volume", this.child(key), this.allConcealed(fields), options),
      );
    }
  }

  /** Whether an object is not taken over, because it is not there. */
  private isLeftOut(there: { has(name: string): boolean }, name: Value | undefined): boolean {
    return this.args.adopting === true && !there.has(text(name));
  }

  private declareConfigs(): void {
    const { configs } = this.args.environment.observed;
    const there = new Set(configs.map(({ name }) => name));
    for (const [key, config] of this.file.configs) {
      if (config.external || this.isLeftOut(there, nameOf(this.namespace, key, config))) continue;
      const content = contentOf(config);
      const Name = this.fileName("Config", config, content, (data) => contentHash(data));
      const fields = { ...this.allConcealed({ ...this.fileFields(config), ...content }), Name };
      this.configs.set(key, new EngineResource("Config", this.child(key), fields, { parent: this }));
    }
  }

  private declareSecrets(): void {
    const { secretNameKey, observed } = this.args.environment;
    const there = new Set(observed.secrets.map(({ name }) => name));
    for (const [key, secret] of this.file.secrets) {
      if (secret.external || this.isLeftOut(there, nameOf(this.namespace, key, secret))) continue;
      const content = contentOf(secret);
      // The name may be seen: it is made of a keyed hash.
      const Name = pulumi.unsecret(
        secretNameKey().apply((secretKey) =>
          this.fileName("Secret", secret, content, (data) => keyedHash(secretKey, data)),
        ),
      );
      const hidden = Object.fromEntries(
        Object.entries(content).map(([field, value]) => [field, pulumi.secret(value)]),
      );
      const fields = { ...this.fileFields(secret), ...hidden, Name };
      this.secrets.set(key, new EngineResource("Secret", this.child(key), fields, { parent: this }));
    }
  }

  private fileFields({ labels, templateDriver, driver, driverOpts }: FileObject): Fields {
    return defined({
      Labels: withNamespace(this.namespace, labels),
      Templating: templateDriver === undefined ? undefined : { Name: templateDriver },
      Driver: driver === undefined ? undefined : defined({ Name: driver, Options: driverOpts }),
    });
  }

  /**
   * A name that changes with the content, because Swarm can't change that: services switch to the new object by a
   * rolling update. An object keeps its name, whatever it is, as long as it has its content.
   */
  private fileName(
    kind: "Config" | "Secret",
    object: FileObject,
    content: Content,
    hash: (data: string) => string,
  ): string {
    const { recorded, observed } = this.args.environment;
    if (this.args.adopting) return nameOf(this.namespace, object.key, object);
    const was = recorded.of(typeOf(kind), this.child(object.key));
    const isSame = was !== undefined && was.Text === content.Text && was.Data === content.Data;
    if (object.name !== undefined) {
      if (was?.Name === object.name && !isSame) this.refuse([changedUnderName(kind, object, object.name)]);
      return object.name;
    }
    if (isSame) return String(was.Name);
    const there = kind === "Config" ? observed.configs : observed.secrets;
    const identity = JSON.stringify([content, object.templateDriver, object.driver, object.driverOpts]);
    return contentName(this.namespace, object.key, hash(identity), there);
  }

  /** Those that others wait for first. */
  private inOrder(): Service[] {
    const ordered = new Set<Service>();
    const begun = new Set<Service>();
    const visit = (service: Service): void => {
      // Two that change ports with each other are in a circle: what Swarm says of that is told by up.
      if (begun.has(service)) return;
      begun.add(service);
      this.waitedFor(service).forEach(visit);
      ordered.add(service);
    };
    for (const service of this.file.services.values()) visit(service);
    return [...ordered];
  }

  private waitedFor({ key, dependsOn }: Service): Service[] {
    const needed = dependsOn.flatMap((one) => this.file.services.get(one.service) ?? []);
    return [...needed, ...(this.givers.get(key) ?? [])];
  }

  /** Swarm gives a port to one service at a time, and Pulumi removes what is not declared at the very end. */
  private removalHook(service: Service): pulumi.ResourceHook | undefined {
    const { host, observed } = this.args.environment;
    const first = this.removedFirst.get(service.key);
    if (first === undefined) return undefined;
    const fullName = nameOf(this.namespace, service.key);
    for (const { holder, port } of first)
      void pulumi.log.warn(
        `${fullName} takes over port ${port} of ${holder}, which is removed before.`,
        this,
      );
    return new pulumi.ResourceHook(`${this.child(service.key)}-ports`, async () => {
      for (const { holder } of first) {
        const { ID = holder } = observed.services.get(holder) ?? {};
        await removeService(host, ID);
      }
    });
  }

  private declareService(service: Service): void {
    const { gate, observed } = this.args.environment;
    const { adopting = false } = this.args;
    if (this.isLeftOut(observed.services, nameOf(this.namespace, service.key))) return;
    this.nameIgnored(service);
    const stack: NamedStack = { namespace: this.namespace, file: this.file };
    const { image, login, shown } = this.imageOf(service);
    const fields = convertService(stack, service, shown ?? "");
    const networks = service.networks.flatMap(({ network }) => this.networks.get(network) ?? []);
    const needed = this.waitedFor(service).flatMap((one) => this.services.get(one.key) ?? []);
    const removal = this.removalHook(service);
    const before = removal === undefined ? {} : { beforeCreate: [removal], beforeUpdate: [removal] };
    const resource = new EngineResource(
      "Service",
      this.child(service.key),
      {
        ...this.allConcealed(fields),
        Image: image.apply(({ reference }) => reference),
        Placement: image.apply(({ platforms }) =>
          defined({
            ...(fields.Placement as Fields),
            Platforms: platforms.length > 0 ? platforms : undefined,
          }),
        ),
        ...(shown === undefined && {
          Labels: image.apply((one) => ({ ...(fields.Labels as Fields), [IMAGE_LABEL]: one.image })),
        }),
        ...this.named(fields),
        ...(login !== undefined && { registryAuth: login }),
      },
      {
        parent: this,
        dependsOn: [...networks, ...this.volumesOf(service), ...needed],
        // First of all: a network in use can't be removed.
        ...(networks.length > 0 && { replaceWith: networks }),
        // Two services can't share a name.
        deleteBeforeReplace: true,
        ...(!adopting && { hooks: { ...before, afterCreate: [gate.hook], afterUpdate: [gate.hook] } }),
      },
    );
    if (!adopting) holdBackDependents(resource, this.finishRollout(service, resource));
    this.services.set(service.key, resource);
    this.images.set(service.key, image);
  }

  /** By what the last change of it has shown. */
  private nameIgnored({ key }: Service): void {
    const was = this.args.environment.recorded.of(typeOf("Service"), this.child(key));
    const ignored = was?.ignored as readonly string[] | undefined;
    if (ignored === undefined || ignored.length === 0) return;
    void pulumi.log.warn(
      `${nameOf(this.namespace, key)}: the engine ignores ${ignored.join(", ")}; a newer one may know it.`,
      this,
    );
  }

  /** Waits for what goes on although there is nothing to change. Never rejects: a failure is an error of the program. */
  private finishRollout(service: Service, resource: EngineResource): Promise<void> {
    const { gate, observed } = this.args.environment;
    const fullName = nameOf(this.namespace, service.key);
    const reason = unfinished(observed.services.get(fullName));
    if (reason === undefined) return Promise.resolve();
    if (pulumi.runtime.isDryRun()) {
      void pulumi.log.warn(
        `${fullName} is not what it should be yet (${reason}): up waits until it is.`,
        this,
      );
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      pulumi
        .all([resource.id, resource.urn])
        .apply(([id, urn]) => gate.watch({ id, urn, name: fullName }).finally(resolve));
    });
  }

  private volumesOf({ mounts }: Service): EngineResource[] {
    return mounts.flatMap(({ type, source }) =>
      type === "volume" && source !== undefined ? (this.volumes.get(source) ?? []) : [],
    );
  }

  /** The names that configs and secrets have now, in place of those that they would have without their hash. */
  private named(fields: Fields): pulumi.Inputs {
    const names = new Map<string, pulumi.Output<string>>();
    for (const [declared, resources] of [
      [this.file.configs, this.configs],
      [this.file.secrets, this.secrets],
    ] as const) {
      for (const [key, { Name }] of resources)
        names.set(nameOf(this.namespace, key, declared.get(key)), Name);
    }
    const renamed = (list: unknown, field: string): object[] | undefined =>
      (list as Fields[] | undefined)?.map((one) => ({
        ...one,
        [field]: names.get(text(one[field])) ?? one[field],
      }));
    const credentials = (fields.Privileges as Fields | undefined)?.CredentialSpec as Fields | undefined;
    return {
      ...(fields.Configs !== undefined && { Configs: renamed(fields.Configs, "ConfigName") }),
      ...(fields.Secrets !== undefined && { Secrets: renamed(fields.Secrets, "SecretName") }),
      ...(credentials?.Config !== undefined && {
        Privileges: {
          ...(fields.Privileges as Fields),
          CredentialSpec: {
            ...credentials,
            Config: names.get(text(credentials.Config)) ?? credentials.Config,
          },
        },
      }),
    };
  }

  /** Texts with a value that must not be seen, as secrets. */
  private concealed(value: Value | undefined): pulumi.Input<unknown> {
    const { secretValues = [] } = this.args;
    if (typeof value === "string") {
      const hides = secretValues.some((secret) => secret !== "" && value.includes(secret));
      return hides ? pulumi.secret(value) : value;
    }
    if (Array.isArray(value)) return value.map((one: Value) => this.concealed(one));
    return isFields(value) ? this.allConcealed(value) : value;
  }

  private allConcealed(fields: Fields): pulumi.Inputs {
    const concealed: pulumi.Inputs = {};
    for (const [key, value] of Object.entries(fields)) concealed[key] = this.concealed(value);
    return concealed;
  }

  private imageOf(service: Service): {
    readonly image: pulumi.Output<StackImage>;
    /** As the label shows it; undefined where only a build tells. */
    readonly shown: string | undefined;
    readonly login: Promise<pulumi.Output<string> | undefined> | undefined;
  } {
    if (service.build !== undefined) {
      const reference = this.build(service, service.build);
      const image = reference.apply((built) => ({ image: built, reference: built, platforms: [] }));
      return { image, shown: service.image, login: undefined };
    }
    const wanted = service.image ?? "";
    return {
      image: pulumi.output(this.resolve(service.key, wanted)),
      shown: wanted,
      login: this.loginTo(registryOf(wanted)),
    };
  }

  private build(service: Service, build: NonNullable<Service["build"]>): pulumi.Output<string> {
    const { environment, observedBuilds } = this.args;
    return new ImageBuild(
      `${this.child(service.key)}-image`,
      {
        ...environment,
        imageName: imageName(this.namespace, service.key),
        build: buildInputs(build),
        observed: observedBuilds?.get(service.key),
      },
      { parent: this },
    ).reference;
  }

  /** What was recorded for the image, so that a tag stays what it was; else what its registry says. */
  private async resolve(key: string, image: string): Promise<StackImage> {
    const { recorded, observed, askRegistry } = this.args.environment;
    const outputs = recorded.of(TYPE, this.name);
    const was = (outputs?.images as RecordedImages | undefined)?.[key];
    const isAsked = (outputs?.resolveImages ?? "") !== (this.args.resolveImages ?? "");
    if (was?.image === image && !isAsked) return was;
    const running = this.args.adopting ? observed.services.get(nameOf(this.namespace, key))?.Spec : undefined;
    if (running?.Labels?.[IMAGE_LABEL] === image) {
      const { ContainerSpec, Placement } = running.TaskTemplate;
      return { image, reference: ContainerSpec?.Image ?? image, platforms: Placement?.Platforms ?? [] };
    }
    try {
      return await askRegistry(image);
    } catch (error) {
      const reference = taggedImage(image);
      void pulumi.log.warn(
        `${reference} can't be asked for in its registry (${reasonOf(error)}): each node takes what it has or gets by ` +
          `that name.`,
        this,
      );
      return { image, reference, platforms: [] };
    }
  }

  /** Nothing at all without a login, not even a secret one. */
  private async loginTo(registry: string): Promise<pulumi.Output<string> | undefined> {
    const login = await this.args.environment.loginTo(registry);
    return login && pulumi.secret(JSON.stringify(login));
  }

  private child(key: string): string {
    return `${this.name}-${key}`;
  }
}

function fileArgs({
  files,
  env = {},
  envFiles = [],
  profiles = [],
}: Omit<ComposeStackArgs, "environment">): StackFileArgs {
  return { files, env, envFiles, profiles };
}

/**
 * What there is of the images that the files build, before they are declared; needed where there is a registry.
 *
 * @param name of the {@link ComposeStack}.
 */
export async function observeBuilds(
  name: string,
  args: ComposeStackArgs,
): Promise<ReadonlyMap<string, ObservedImage | undefined>> {
  const { environment, namespace = name } = args;
  if (environment.registry === undefined) return new Map();
  let services: StackFile["services"];
  try {
    ({ services } = loadStackFiles(fileArgs(args)));
  } catch (error) {
    throw error instanceof StackFileError ? new pulumi.RunError(error.message) : error;
  }
  const observed = [...services.values()].map(async ({ key, build }) => {
    if (build === undefined) return [];
    const inputs = { imageName: imageName(namespace, key), build: buildInputs(build) };
    const imageArgs = { ...environment, ...inputs, observed: undefined };
    return [[key, await observeImage(`${name}-${key}-image`, imageArgs, environment.recorded)] as const];
  });
  return new Map((await Promise.all(observed)).flat());
}

/** Text, or base64 where it is none. */
interface Content {
  readonly Text?: string;
  readonly Data?: string;
}

function contentOf({ data }: FileObject): Content {
  if (data === undefined) return {};
  const bytes = Buffer.from(data);
  const decoded = bytes.toString("utf8");
  return Buffer.from(decoded).equals(bytes) ? { Text: decoded } : { Data: bytes.toString("base64") };
}

/** Name of what is built for a service, without registry and tag. */
function imageName(namespace: string, key: string): string {
  return `${namespace}-${key}`.toLowerCase();
}

/** Paths relative to the program, so that they are the same on every machine. */
function buildInputs(build: NonNullable<Service["build"]>): ImageBuildInputs {
  const { context, dockerfile = "Dockerfile", args, target, platforms } = build;
  const given = Object.entries(args).flatMap(([name, value]) => {
    const known = value ?? process.env[name];
    return known === undefined ? [] : [[name, known] as const];
  });
  return {
    context: relative(context),
    dockerfile: relative(path.resolve(context, dockerfile)),
    args: Object.fromEntries(given),
    ...(target !== undefined && { target }),
    ...(platforms[0] !== undefined && { platform: platforms[0] }),
  };
}

type ImageBuildInputs = ConstructorParameters<typeof ImageBuild>[1]["build"];

function relative(absolute: string): string {
  return path.relative(process.cwd(), absolute) || ".";
}

function changedUnderName(kind: string, { place, key }: FileObject, name: string): string {
  const word = kind.toLowerCase();
  return (
    `${at(place)}: the content of ${word} ${key} has changed, and Swarm can't change that of ${name}; do: take name: ` +
    `out, and each content gets a name of its own, or give another name`
  );
}
