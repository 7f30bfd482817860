import * as pulumi from "@pulumi/pulumi";
import type Docker from "dockerode";
import { BlockList, isIPv4 } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, dial, reasonOf, within } from "../engine/engine";
import { insecureCure, registryCure } from "./image-fault";
import type { RegistryLogin } from "./registry-auth";

/** What the registry says of a tag. */
export type Found = { readonly digest: string } | "missing" | "unknown";

export interface ImageRegistryArgs {
  /** Engine API of the engine that builds, pushes and asks. */
  readonly host: string;
  /** `host[:port]` */
  readonly address: string;
  /** Path below which the images are. @default none */
  readonly namespace?: string | undefined;
  readonly login: RegistryLogin | undefined;
  /** What must be there before the images are pushed and run. @default nothing */
  readonly ready?: pulumi.Output<unknown> | undefined;
  /** Whether it can have images already. @default true */
  readonly exists?: boolean | undefined;
  /** How long it is asked again when it can't be asked, in ms: it may be about to start. @default 0 */
  readonly patience?: number | undefined;
}

/** How long the registry may take to tell a digest, in ms. */
const ANSWER = 8_000;
/** Between two questions to one that can't be asked, in ms. */
const PAUSE = 500;

/**
 * The registry of built images as the engine reaches it. This machine may not reach it at all, and what the engine is
 * told is what the nodes would be.
 */
export class ImageRegistry {
  /** `host[:port]` */
  readonly address: string;
  /** See {@link ImageRegistryArgs.ready}. */
  readonly ready: pulumi.Output<unknown>;
  private readonly docker: Docker;
  private warned = false;
  /** In ms; undefined while it could always be asked. */
  private patientUntil: number | undefined;

  constructor(private readonly args: ImageRegistryArgs) {
    this.address = args.address;
    this.ready = args.ready ?? pulumi.output(undefined);
    this.docker = connect(args.host);
  }

  /** `host[:port][/path]/name` */
  repository(imageName: string): string {
    const { address, namespace } = this.args;
    return [address, ...(namespace === undefined ? [] : [namespace]), imageName].join("/");
  }

  /** Asks for the digest of `repository:tag`. Changes nothing; no answer until its patience ends is a warning. */
  async find(reference: string): Promise<Found> {
    if (this.args.exists === false) return "missing";
    try {
      return { digest: await digestOf(this.docker, reference, this.args.login) };
    } catch (error) {
      const reason = reasonOf(error);
      if (/manifest unknown|name unknown|not found/i.test(reason)) return "missing";
      const fault = this.sentence(`The registry ${this.address} can't be asked`, reason);
      if (this.mayStillStart(fault)) {
        await sleep(PAUSE);
        return this.find(reference);
      }
      // One for all images.
      if (!this.warned) void pulumi.log.warn(`${fault} What is known of its images from before is used.`);
      this.warned = true;
      return "unknown";
    }
  }

  /** From its first fault on; says so once. */
  private mayStillStart(fault: string): boolean {
    const { patience = 0 } = this.args;
    if (this.patientUntil === undefined && patience > 0) {
      void pulumi.log.info(`${fault} It is asked again for ${patience / 1000} s.`);
    }
    this.patientUntil ??= Date.now() + patience;
    return Date.now() < this.patientUntil;
  }

  /**
   * Pushes `repository:tag` from the engine.
   *
   * @param progress called with how far it is.
   * @returns the digest.
   * @throws Error with the reason and what to do.
   */
  async push(reference: string, progress: (line: string) => void): Promise<string> {
    try {
      return await push(this.docker, reference, this.args.login, progress);
    } catch (error) {
      throw new Error(this.sentence(`${reference} can't be pushed`, reasonOf(error)), { cause: error });
    }
  }

  /**
   * Sees that the engine would use it without TLS, or with any certificate.
   *
   * @throws pulumi.RunError when it would not, with what to do.
   */
  async requireInsecure(): Promise<void> {
    const { Name, RegistryConfig } = (await this.docker.info()) as InfoOfRegistries;
    if (isInsecure(this.address, RegistryConfig)) return;
    throw new pulumi.RunError(
      `registry.insecure is true, but the engine of ${Name} would not use ${this.address} without TLS: ` +
        `${insecureCure(this.address)}. Or, if it has a certificate that nodes trust: pulumi config set --path registry.insecure false`,
    );
  }

  private sentence(what: string, reason: string): string {
    const cure = registryCure(this.address, this.args.login?.username, reason);
    return `${what}: ${reason}${cure === undefined ? "" : `; ${cure}`}.`;
  }
}

/** The part of GET /info that is read here. */
interface InfoOfRegistries {
  /** Host name. */
  readonly Name: string;
  readonly RegistryConfig: RegistryConfig;
}

interface RegistryConfig {
  readonly InsecureRegistryCIDRs?: readonly string[] | null;
  /** By `host[:port]`. */
  readonly IndexConfigs?: Readonly<Record<string, { readonly Secure: boolean }>> | null;
}

/** As engines decide it; a name that is not listed may be, by its address, when there are more than the usual subnets. */
export function isInsecure(
  address: string,
  { InsecureRegistryCIDRs, IndexConfigs }: RegistryConfig,
): boolean {
  const [host = ""] = address.split(":");
  const subnets = InsecureRegistryCIDRs ?? [];
  if (IndexConfigs?.[address]?.Secure === false || host === "localhost") return true;
  if (!isIPv4(host)) return subnets.some((subnet) => subnet !== "127.0.0.0/8" && subnet !== "::1/128");
  const list = new BlockList();
  for (const [network, bits] of subnets.map((subnet) => subnet.split("/"))) {
    if (network !== undefined && isIPv4(network)) list.addSubnet(network, Number(bits));
  }
  return list.check(host);
}

/**
 * The digest of an image in its registry, asked through the engine.
 *
 * @throws Error with the engine's words.
 */
export async function digestOf(docker: Docker, image: string, login?: RegistryLogin): Promise<string> {
  const { Descriptor } = await dial<{ readonly Descriptor: { readonly digest: string } }>(docker, {
    path: `/distribution/${image}/json`,
    method: "GET",
    statusCodes: { 200: true },
    authconfig: login,
    ...within(ANSWER),
  });
  return Descriptor.digest;
}

/** One message of a push (POST /images/{name}/push). */
interface PushEvent {
  /** Layer that it is about. */
  readonly id?: string;
  readonly status?: string;
  /** Bytes. */
  readonly progressDetail?: { readonly current?: number };
  readonly error?: string;
  readonly aux?: { readonly Digest?: string };
}

async function push(
  docker: Docker,
  reference: string,
  login: RegistryLogin | undefined,
  progress: (line: string) => void,
): Promise<string> {
  const colon = reference.lastIndexOf(":");
  const image = docker.getImage(reference.slice(0, colon));
  // The engine wants the header also where there is no login.
  const [serveraddress = ""] = reference.split("/");
  const authconfig = login ?? { serveraddress, username: "", password: "" };
  const stream = await image.push({ tag: reference.slice(colon + 1), authconfig });
  const layers = new Map<string, Layer>();
  for await (const { id, status = "", progressDetail, error, aux } of events(stream)) {
    if (error !== undefined) throw new Error(error);
    if (aux?.Digest !== undefined) return aux.Digest;
    if (id === undefined) continue;
    const sent = Math.max(progressDetail?.current ?? 0, layers.get(id)?.sent ?? 0);
    layers.set(id, { there: /^(Pushed|Layer already exists|Mounted from)/.test(status), sent });
    progress(summary([...layers.values()]));
  }
  throw new Error("the engine ended the push without a digest");
}

/** Messages of a stream, which come one a line. */
async function* events(stream: NodeJS.ReadableStream): AsyncGenerator<PushEvent> {
  let rest = "";
  for await (const piece of stream) {
    const lines = (rest + String(piece)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") yield JSON.parse(line) as PushEvent;
  }
}

interface Layer {
  /** Whether the registry has it. */
  readonly there: boolean;
  /** Bytes. */
  readonly sent: number;
}

function summary(layers: readonly Layer[]): string {
  const there = layers.filter((layer) => layer.there).length;
  const megabytes = layers.reduce((sum, { sent }) => sum + sent, 0) / 1e6;
  return `pushing: ${there} of ${layers.length} layers are there, ${megabytes.toFixed(1)} MB sent`;
}
