import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { X509Certificate } from "node:crypto";

/** How often a new certificate is made, in days: a hundred before the last one ends (issue-certificate.mjs). */
const RENEWAL_DAYS = 300;
const DAY = 24 * 60 * 60 * 1000;

/** A certificate and the key that belongs to it, in PEM. */
interface Issued {
  readonly certificate: string;
  readonly key: string;
}

/**
 * The certificate authority of one environment: made once, kept in its state, and gone with it. Clients trust its
 * {@link certificate}; its key signs the environment's own certificates, and never leaves the state.
 */
export class CertificateAuthority extends pulumi.ComponentResource {
  /** PEM. */
  public readonly certificate: pulumi.Output<string>;
  /** What signs: the certificate and its key, as a secret. */
  public readonly issuer: pulumi.Output<string>;
  /** When it was made. */
  public readonly issuedAt: pulumi.Output<Date>;

  constructor(name: string, commonName: string, opts?: pulumi.ComponentResourceOptions) {
    super("swarm-platform:index:CertificateAuthority", name, {}, opts);

    this.issuer = issue(
      name,
      { create: "node components/edge/issue-certificate.mjs authority", environment: { NAME: commonName } },
      // Whatever a later version of this program would run: clients would have to trust another one.
      { parent: this, ignoreChanges: ["create", "environment"] },
    );
    this.certificate = pulumi.unsecret(this.issuer).apply((issued) => parse(issued).certificate);
    this.issuedAt = this.certificate.apply((pem) => new Date(new X509Certificate(pem).validFrom));
    this.registerOutputs({ certificate: this.certificate });
  }
}

export interface GeneratedCertificateArgs {
  /** Who signs, such as Environment.certificateAuthority. */
  readonly authority: CertificateAuthority;
  /** Host names and IP addresses that clients ask for; one or more. */
  readonly names: readonly string[];
}

/**
 * A server's certificate from the environment's own authority, valid for 400 days. Other names, or 300 days, make a
 * new one, which a preview shows as a change of NAMES or RENEWAL. In state it is a secret.
 */
export class GeneratedCertificate extends pulumi.ComponentResource {
  /** PEM, without the authority's own. */
  public readonly certificate: pulumi.Output<string>;
  /** PEM (PKCS #8), as a secret. */
  public readonly key: pulumi.Output<string>;
  /** PEM of the authority, for clients to trust. */
  public readonly authority: pulumi.Output<string>;

  constructor(name: string, args: GeneratedCertificateArgs, opts?: pulumi.ComponentResourceOptions) {
    super("swarm-platform:index:GeneratedCertificate", name, {}, opts);

    const { authority } = args;
    const issued = issue(
      name,
      {
        create: "node components/edge/issue-certificate.mjs server",
        stdin: authority.issuer,
        environment: {
          NAMES: args.names.join(","),
          RENEWAL: authority.issuedAt.apply((since) => renewal(since, new Date())),
        },
      },
      { parent: this },
    );
    this.certificate = pulumi.unsecret(issued).apply((text) => parse(text).certificate);
    this.key = issued.apply((text) => parse(text).key);
    this.authority = authority.certificate;
    this.registerOutputs({ certificate: this.certificate, authority: this.authority });
  }
}

/**
 * Since which day the current certificate is due: the day the authority was made, 300 days later, and so on. A
 * command has no Read that could look at the certificate, so time itself is an input, in steps.
 */
export function renewal(since: Date, now: Date): string {
  const passed = Math.max(0, now.getTime() - since.getTime());
  const due = since.getTime() + Math.floor(passed / (RENEWAL_DAYS * DAY)) * RENEWAL_DAYS * DAY;
  return `due since ${new Date(due).toISOString().slice(0, 10)}`;
}

/** What the script prints, as a secret. */
function issue(
  name: string,
  args: command.local.CommandArgs,
  opts: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
  return new command.local.Command(
    name,
    {
      ...args,
      // Marked as secret alone it would still be printed while it is made (pulumi/pulumi-command#260).
      logging: command.local.Logging.None,
      // The last key is nothing to hand to the next run.
      addPreviousOutputInEnv: false,
    },
    { ...opts, additionalSecretOutputs: ["stdout"] },
  ).stdout;
}

function parse(issued: string): Issued {
  return JSON.parse(issued) as Issued;
}
