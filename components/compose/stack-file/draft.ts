import type {
  Build,
  Deploy,
  Dependency,
  FileReference,
  Healthcheck,
  Item,
  Mount,
  Nanoseconds,
  Place,
  Port,
  Service,
  UpdateConfig,
} from "./model";

/**
 * A service as one file gives it, in long form, before files are merged: only what the file has, and before what docker stack deploy makes
 * of the whole.
 */
export interface ServiceDraft extends Item {
  image?: string;
  build?: Partial<Build> & { readonly place: Place };
  entrypoint?: readonly string[];
  command?: readonly string[];
  environment?: Readonly<Record<string, string | null>>;
  labels?: Readonly<Record<string, string>>;
  workingDir?: string;
  user?: string;
  groups?: readonly string[];
  hostname?: string;
  init?: boolean;
  tty?: boolean;
  stdinOpen?: boolean;
  readOnly?: boolean;
  isolation?: string;
  stopSignal?: string;
  stopGracePeriod?: Nanoseconds;
  oomScoreAdj?: number;
  capAdd?: readonly string[];
  capDrop?: readonly string[];
  sysctls?: Readonly<Record<string, string>>;
  ulimits?: Readonly<Record<string, { readonly soft: number; readonly hard: number }>>;
  dns?: readonly string[];
  dnsSearch?: readonly string[];
  dnsOptions?: readonly string[];
  extraHosts?: Service["extraHosts"];
  healthcheck?: Healthcheck & { readonly disable?: boolean };
  logging?: { readonly driver?: string; readonly options?: Readonly<Record<string, string>> };
  credentialSpec?: Service["credentialSpec"];
  networks?: Readonly<Record<string, NetworkDraft>>;
  ports?: readonly Port[];
  mounts?: readonly Mount[];
  configs?: readonly FileReference[];
  secrets?: readonly FileReference[];
  dependsOn?: readonly Dependency[];
  restart?: string;
  scale?: number;
  profiles?: readonly string[];
  deploy?: DeployDraft;
}

export interface NetworkDraft {
  readonly place: Place;
  /** Whether the file names the network alone. */
  readonly bare?: true;
  readonly aliases?: readonly string[];
  readonly driverOpts?: Readonly<Record<string, string>>;
}

export type DeployDraft = Partial<Omit<Deploy, "updateConfig" | "rollbackConfig" | "reservations">> & {
  readonly updateConfig?: Partial<UpdateConfig>;
  readonly rollbackConfig?: Partial<UpdateConfig>;
  readonly reservations?: Partial<NonNullable<Deploy["reservations"]>>;
};
