import * as path from "node:path";
import { Worker } from "node:worker_threads";

export interface ObserveOptions {
  /** `host:port` of each broker's EXTERNAL listener; the first that answers is asked. At least one. */
  readonly bootstrap: readonly string[];
  /** Name and password for SASL with SCRAM-SHA-512; without a name there is no login. */
  readonly user?: string;
  readonly password?: string;
  /** Certificates to trust, PEM; without them the connection is in clear. */
  readonly ca?: string;
  /** Milliseconds that it may take once the client is loaded, which takes about 400 more. */
  readonly timeoutMs: number;
}

/** A topic as the cluster has it. */
export interface ObservedTopic {
  readonly partitions: number;
  readonly replicationFactor: number;
  /** What is set on the topic itself; not what it has from the brokers or by default. */
  readonly config: Readonly<Record<string, string>>;
}

/** An error and all that caused it, outermost first. */
export type ErrorChain = readonly { readonly code?: string; readonly message: string }[];

/** What the thread posts when it has loaded the client: the topics, or each broker's errors in the order of `bootstrap`. */
type Answer =
  { readonly topics: ReadonlyMap<string, ObservedTopic> } | { readonly faults: readonly ErrorChain[] };

const NO_ANSWER = "gives no answer";

/**
 * Topics of a running cluster by name, internal ones included. Changes nothing and prints nothing; leaves no socket,
 * timer or thread behind.
 *
 * @throws Error with one sentence that says why no broker can be read.
 */
export async function observeTopics(options: ObserveOptions): Promise<ReadonlyMap<string, ObservedTopic>> {
  const worker = new Worker(path.join(__dirname, "kafka-reader.mjs"), {
    workerData: options,
    // Not what this process was started with (a debugger, a loader), and nothing on its console.
    execArgv: [],
    stdout: true,
    stderr: true,
  });
  let timer: NodeJS.Timeout | undefined;
  try {
    const answer = await new Promise<Answer | undefined>((resolve, reject) => {
      worker.once("error", reject).once("message", () => {
        timer = setTimeout(() => resolve(undefined), options.timeoutMs);
        worker.once("message", resolve);
      });
    });
    if (answer !== undefined && "topics" in answer) return answer.topics;
    const reasons = options.bootstrap.map((address, index) => {
      const chain = answer?.faults[index];
      return `${address} ${chain === undefined ? NO_ANSWER : reason(chain, options)}`;
    });
    throw new Error(reasons.join(", "));
  } catch (error) {
    throw new Error(`Kafka can't be read: ${(error as Error).message}.`, { cause: error });
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}

/** Why a broker can't be read, as what its address does or has. */
export function reason(chain: ErrorChain, { user, ca }: Pick<ObserveOptions, "user" | "ca">): string {
  const some = (code: string, message = ""): boolean =>
    chain.some((error) => error.code === code && error.message.includes(message));
  const innermost = chain.at(-1)?.message ?? "no reason given";
  if (some("ECONNREFUSED")) return "refuses the connection";
  if (some("ENOTFOUND") || some("EAI_AGAIN")) return "has a host name that can't be resolved";
  if (some("PLT_KFK_NETWORK", "timed out") || some("ETIMEDOUT")) return NO_ANSWER;
  if (some("PLT_KFK_AUTHENTICATION", "SASL authentication failed")) return `refuses the login of ${user}`;
  if (some("PLT_KFK_RESPONSE", "SaslHandshake")) return "takes no login by SCRAM-SHA-512 there";
  if (some("PLT_KFK_USER", "TLS handshake failed")) return "does not speak TLS there";
  if (chain.some(({ code = "" }) => /CERT|UNABLE_TO_VERIFY/.test(code))) {
    return `has a certificate that is not trusted (${innermost})`;
  }
  if (innermost === "Connection closed") {
    const wants = [user === undefined ? "a login" : "", ca === undefined ? "TLS" : ""].filter(Boolean);
    return `closes the connection${wants.length === 0 ? "" : `; it may want ${wants.join(" or ")}`}`;
  }
  return `fails (${innermost})`;
}
