import type Docker from "dockerode";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, dial, reasonOf, within } from "../../engine/engine";
import { differences } from "./differences";
import { ignoredFields, withIgnored } from "./ignored-fields";
import {
  defined,
  type Fields,
  inWordsOf,
  isFields,
  isSame,
  OURS,
  serviceSpec,
  shownService,
  text,
  type Value,
} from "./shown-spec";

/*
 * What Pulumi's process for dynamic providers asks of each kind of object. It runs beside the program and shares nothing
 * with it but the environment; nothing of this is kept in a state.
 */

/** A failure in plain words, with what to do; nobody needs its stack. */
export class Fault extends Error {
  /** Begins what Pulumi's process prints of it, see provider.cjs. */
  static readonly MARK = "told by the error:";
  override toString(): string {
    return Fault.MARK;
  }
}

type Props = Readonly<Record<string, Value | undefined>>;

/** What differs, and of that by path, see provider.cjs. */
interface Diff {
  readonly changes: boolean;
  readonly differences: ReadonlyMap<string, number>;
  readonly replaces: readonly string[];
  readonly deleteBeforeReplace: boolean;
}

/** The part of pulumi.dynamic.ResourceProvider that is there for every kind. */
interface Provider {
  diff(id: string, olds: Props, news: Props): Promise<Diff>;
  create(inputs: Props): Promise<{ id: string; outs: Props }>;
  read(id: string, props: Props): Promise<object>;
  update(id: string, olds: Props, news: Props): Promise<{ outs: Props }>;
  delete(id: string, props: Props): Promise<void>;
}

/** What is different between the kinds. */
interface Kind {
  /** For messages, such as service. */
  readonly word: string;
  /** Name on the engine's side of its list, such as services. */
  readonly path: string;
  /** What is there, in the words of `props` where both mean the same. */
  seen(found: Fields, props: Props): Promise<Fields>;
  /** Makes it. */
  create(inputs: Props): Promise<string>;
  update(id: string, found: Fields, news: Props): Promise<void>;
  /** Which of the changed fields can't be changed in place. */
  replaces(changed: readonly string[], olds: Props, news: Props): readonly string[];
  /** Whether the new one can't be there beside the old one. */
  readonly deleteBeforeReplace: boolean;
  remove(id: string, props: Props): Promise<void>;
}

const NAMESPACE_LABEL = "com.docker.stack.namespace";
/** How long what uses an object may take to let go of it, in ms. */
const RELEASE = 60_000;
/** Time between two looks, in ms. */
const POLL = 300;
/** States in which a task does not come back. */
const ENDED = ["complete", "failed", "rejected", "shutdown", "orphaned", "remove"];
/** How long the lists of names serve several reads, in ms. */
const LISTS_SERVE = 2_000;
/** Tries to change what Swarm itself changes at the same time. */
const TRIES = 5;

const HOST = process.env.DOCKER_HOST || "unix:///var/run/docker.sock";
let client: Docker | undefined;

interface Call {
  readonly query?: Readonly<Record<string, string | number>>;
  readonly body?: object;
  /** Text of a login, as X-Registry-Auth's. */
  readonly auth?: string;
}

async function call<T>(method: string, path: string, { query, body, auth }: Call = {}): Promise<T> {
  client ??= connect(HOST);
  return dial<T>(client, {
    path: `${path}?`,
    method,
    statusCodes: { 200: true, 201: true, 204: true },
    options: { _query: query ?? {}, _body: body },
    ...(auth !== undefined && { authconfig: JSON.parse(auth) as object }),
    ...within(30_000),
  });
}

function statusOf(error: unknown): number | undefined {
  return (error as { statusCode?: number }).statusCode;
}

/** Undefined when it is not there. */
async function inspect(kind: Kind, idOrName: string): Promise<Fields | undefined> {
  try {
    return await call<Fields>("GET", `/${kind.path}/${encodeURIComponent(idOrName)}`);
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    if (statusOf(error) === 503 && (await isOutsideSwarm())) return undefined;
    throw fault(`${capital(kind.word)} ${idOrName} can't be read`, error);
  }
}

async function isOutsideSwarm(): Promise<boolean> {
  const { Swarm } = await call<{ Swarm: { LocalNodeState: string } }>("GET", "/info");
  return Swarm.LocalNodeState === "inactive";
}

function fault(what: string, error: unknown, cure = ""): Fault {
  if (error instanceof Fault) return error;
  return new Fault(`${what}: ${reasonOf(error)}.${cure}`);
}

function firstKey(path: string): string {
  return path.replace(/[.[].*$/, "");
}

function capital(word: string): string {
  return word[0]?.toUpperCase() + word.slice(1);
}

/** The fields of the engine alone. */
function fieldsOf(props: Props): Fields {
  return Object.fromEntries(Object.entries(props).filter(([key]) => !OURS.has(key)));
}

function ours(props: Props): Props {
  return Object.fromEntries(Object.entries(props).filter(([key]) => OURS.has(key) && key !== "__provider"));
}

function provider(kind: Kind): Provider {
  const { word } = kind;
  return {
    diff(_id, olds, news) {
      const found = differences(fieldsOf(olds), fieldsOf(news));
      const changed = [...new Set([...found.keys()].map(firstKey))];
      const replaces = kind.replaces(changed, olds, news);
      const { deleteBeforeReplace } = kind;
      // One more is the same with a replacement.
      const shown = [...found].map(([path, change]) => [
        path,
        replaces.includes(firstKey(path)) ? change + 1 : change,
      ]);
      return Promise.resolve({
        changes: changed.length > 0,
        differences: new Map(shown as [string, number][]),
        replaces,
        deleteBeforeReplace,
      });
    },
    async create(inputs) {
      if (isAdopted(inputs)) return adopted(kind, inputs);
      try {
        const id = await kind.create(inputs);
        return { id, outs: await asKept(kind, id, inputs) };
      } catch (error) {
        if (statusOf(error) !== 409) throw fault(`${capital(word)} ${nameOf(inputs)} can't be made`, error);
        return { id: await takeOver(kind, inputs), outs: inputs };
      }
    },
    async read(id, props) {
      const found = await inspect(kind, id);
      if (found === undefined) return {};
      const { ignored } = props as { ignored?: readonly string[] };
      const shown = withIgnored(await kind.seen(found, fieldsOf(props)), fieldsOf(props), ignored ?? []);
      const seen = { ...ours(props), ...shown };
      return { id, props: { ...seen }, inputs: { ...seen } };
    },
    async update(id, _olds, news) {
      for (let tries = 1; ; tries++) {
        const found = await inspect(kind, id);
        if (found === undefined)
          throw new Fault(`${capital(word)} ${nameOf(news)} is gone. Run up again to make it anew.`);
        try {
          await kind.update(id, found, news);
          return { outs: await asKept(kind, id, news) };
        } catch (error) {
          if (/out of sequence/.test(reasonOf(error)) && tries < TRIES) continue;
          throw fault(`${capital(word)} ${nameOf(news)} can't be updated`, error);
        }
      }
    },
    async delete(id, props) {
      try {
        await kind.remove(id, props);
      } catch (error) {
        if (statusOf(error) === 404 || (statusOf(error) === 503 && (await isOutsideSwarm()))) return;
        throw fault(`${capital(word)} ${nameOf(props)} can't be removed`, error);
      }
    },
  };
}

/** What was asked for, with the names of the fields that the engine has not kept, see ignored-fields.ts. */
async function asKept(kind: Kind, id: string, inputs: Props): Promise<Props> {
  const found = await inspect(kind, id);
  if (found === undefined) return inputs;
  const ignored = ignoredFields(await kind.seen(found, fieldsOf(inputs)), fieldsOf(inputs));
  return ignored.length === 0 ? inputs : { ...inputs, ignored };
}

/** Whether this operation is to take over what `docker stack deploy` has made, see tools/adopt.mjs. */
function isAdopted({ Labels }: Props): boolean {
  const adopting = process.env.SWARM_PLATFORM_ADOPT;
  return Boolean(adopting) && isFields(Labels) && Labels[NAMESPACE_LABEL] === adopting;
}

/** Takes an object as it is; where that differs from what is declared, the next preview shows it. */
async function adopted(kind: Kind, inputs: Props): Promise<{ id: string; outs: Props }> {
  const found = await inspect(kind, nameOf(inputs));
  if (found === undefined)
    throw new Fault(`${capital(kind.word)} ${nameOf(inputs)} is gone. Run make adopt again.`);
  const labels = (found.Spec as Fields | undefined)?.Labels ?? found.Labels;
  const owner = (labels as Fields | undefined)?.[NAMESPACE_LABEL];
  if (owner !== process.env.SWARM_PLATFORM_ADOPT) {
    throw new Fault(
      `${capital(kind.word)} ${nameOf(inputs)} is not of stack ${process.env.SWARM_PLATFORM_ADOPT} (label ${NAMESPACE_LABEL}). Leave it out of the files, or make it external.`,
    );
  }
  return { id: idOf(found), outs: { ...ours(inputs), ...(await kind.seen(found, fieldsOf(inputs))) } };
}

function nameOf(props: Props): string {
  return text(props.Name);
}

/** What an operation that was killed has made; what others made is theirs. */
async function takeOver(kind: Kind, inputs: Props): Promise<string> {
  const found = await inspect(kind, nameOf(inputs));
  const seen = found && (await kind.seen(found, fieldsOf(inputs)));
  if (found !== undefined && seen !== undefined && isSame(seen, fieldsOf(inputs))) return idOf(found);
  throw new Fault(
    `${capital(kind.word)} ${nameOf(inputs)} is there already, and not of this Pulumi stack. Take the running stack over ` +
      `(make adopt), or remove it: docker ${kind.word} rm ${nameOf(inputs)}`,
  );
}

function idOf(found: Fields): string {
  return text(found.ID ?? found.Id ?? found.Name);
}

/** Repeats a removal while something still holds the object. */
async function whenReleased(inUse: RegExp, remove: () => Promise<unknown>): Promise<void> {
  for (const until = Date.now() + RELEASE; ; await sleep(POLL)) {
    try {
      await remove();
      return;
    } catch (error) {
      if (Date.now() > until || !inUse.test(reasonOf(error))) throw error;
    }
  }
}

// ---------------------------------------------------------------- names and ids

/** Names and ids on the swarm. */
interface Lists {
  readonly networkNames: ReadonlyMap<string, string>;
  readonly configIds: ReadonlyMap<string, string>;
  readonly secretIds: ReadonlyMap<string, string>;
}

interface Listed {
  readonly ID: string;
  readonly Spec: { readonly Name: string };
}

let lists: Promise<Lists> | undefined;
let listedAt = 0;

/** @param fresh whether what was listed a moment ago won't do. */
function listed(fresh: boolean): Promise<Lists> {
  if (lists === undefined || fresh || Date.now() - listedAt > LISTS_SERVE) {
    listedAt = Date.now();
    lists = list();
    lists.catch(() => (lists = undefined));
  }
  return lists;
}

async function list(): Promise<Lists> {
  const [networks, configs, secrets] = await Promise.all([
    call<{ Id: string; Name: string }[]>("GET", "/networks"),
    call<Listed[]>("GET", "/configs"),
    call<Listed[]>("GET", "/secrets"),
  ]);
  const ids = (all: Listed[]): Map<string, string> => new Map(all.map(({ ID, Spec }) => [Spec.Name, ID]));
  return {
    networkNames: new Map(networks.map(({ Id, Name }) => [Id, Name])),
    configIds: ids(configs),
    secretIds: ids(secrets),
  };
}

type Reference = Record<string, Value | undefined>;

/** Ids as names; an id stays where its name is another object's by now, which is then a difference. */
async function byName(shown: Fields): Promise<Fields> {
  const { networkNames, configIds, secretIds } = await listed(false);
  const { Networks, Configs, Secrets, Privileges, ...rest } = shown as Record<string, Value>;
  const configNames = new Map([...configIds].map(([name, id]) => [id, name]));
  const credentials = (Privileges as Fields | undefined)?.CredentialSpec as Fields | undefined;
  return defined({
    ...rest,
    Networks: await namedNetworks(Networks as Reference[] | undefined, networkNames),
    Configs: (Configs as Reference[] | undefined)?.map(({ ConfigID, ...one }) =>
      configIds.get(text(one.ConfigName)) === ConfigID ? one : { ...one, ConfigID },
    ),
    Secrets: (Secrets as Reference[] | undefined)?.map(({ SecretID, ...one }) =>
      secretIds.get(text(one.SecretName)) === SecretID ? one : { ...one, SecretID },
    ),
    Privileges: credentials?.Config
      ? {
          ...(Privileges as Fields),
          CredentialSpec: {
            ...credentials,
            Config: configNames.get(text(credentials.Config)) ?? credentials.Config,
          },
        }
      : Privileges,
  });
}

async function namedNetworks(
  networks: readonly Reference[] | undefined,
  names: ReadonlyMap<string, string>,
): Promise<Fields[] | undefined> {
  if (networks === undefined) return undefined;
  const named = networks.map(async (one) => {
    const id = text(one.Target);
    return defined({ ...one, Target: names.get(id) ?? (await unlistedNetwork(id)) ?? id });
  });
  return Promise.all(named);
}

/** The swarm's own host and bridge are in no list, because each node has a network of that name. */
async function unlistedNetwork(id: string): Promise<string | undefined> {
  try {
    const { Name } = await call<Fields>("GET", `/networks/${id}`, { query: { scope: "swarm" } });
    return text(Name);
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/** Names as ids, where the engine wants these. */
async function byId(shown: Fields): Promise<Fields> {
  const { configIds, secretIds } = await listed(true);
  const idIn = (ids: ReadonlyMap<string, string>, word: string, name: Value | undefined): string => {
    const id = ids.get(text(name));
    if (id !== undefined) return id;
    throw new Fault(
      `${capital(word)} ${text(name)} is not on the swarm (docker ${word} ls). Make it, then run up again.`,
    );
  };
  const { Configs, Secrets, Privileges } = shown as Record<string, Value>;
  const credentials = (Privileges as Fields | undefined)?.CredentialSpec as Fields | undefined;
  return {
    ...shown,
    ...defined({
      Configs: (Configs as Reference[] | undefined)?.map((one) => ({
        ...one,
        ConfigID: idIn(configIds, "config", one.ConfigName),
      })),
      Secrets: (Secrets as Reference[] | undefined)?.map((one) => ({
        ...one,
        SecretID: idIn(secretIds, "secret", one.SecretName),
      })),
      Privileges: credentials?.Config
        ? {
            ...(Privileges as Fields),
            CredentialSpec: { ...credentials, Config: idIn(configIds, "config", credentials.Config) },
          }
        : Privileges,
    }),
  };
}

// ---------------------------------------------------------------- services

/** Without the count of restarts that were asked for, which are nobody's difference. */
async function shownAsIs(found: Fields): Promise<Fields> {
  const shown = shownService(found.Spec as Fields);
  return byName({ ...shown, ForceUpdate: undefined });
}

const service: Kind = {
  word: "service",
  path: "services",
  deleteBeforeReplace: true,
  async seen(found, props) {
    const seen = inWordsOf(props, await shownAsIs(found)) as Fields;
    if (/Job/.test(modeOf(seen)) && (await hasFailed(found))) return { ...seen, JobStatus: "failed" };
    // A paused update keeps the new spec, in which nothing differs. Any update ends it.
    const state = (found.UpdateStatus as { State?: string } | undefined)?.State ?? "";
    return /paused$/.test(state) ? { ...seen, UpdateStatus: state.replace("_", " ") } : seen;
  },
  async create(inputs) {
    const body = serviceSpec(await byId(fieldsOf(inputs)));
    const { ID } = await call<{ ID: string }>("POST", "/services/create", { body, ...authOf(inputs) });
    return ID;
  },
  async update(id, found, news) {
    const now = await shownAsIs(found);
    const { TaskTemplate, ...spec } = serviceSpec(
      await byId(inWordsOf(now, fieldsOf(news)) as Fields),
    ) as Record<string, Fields>;
    const { ForceUpdate } = (found.Spec as { TaskTemplate: { ForceUpdate?: number } }).TaskTemplate;
    const version = (found.Version as { Index: number }).Index;
    await call("POST", `/services/${id}/update`, {
      query: { version },
      body: { ...spec, TaskTemplate: { ...TaskTemplate, ...(ForceUpdate && { ForceUpdate }) } },
      ...authOf(news),
    });
  },
  replaces: (changed, olds, news) =>
    changed.filter((key) => key === "Name" || (key === "Mode" && modeOf(olds) !== modeOf(news))),
  /** Waits for its containers too: they hold on to networks and volumes. */
  async remove(id) {
    const filters = JSON.stringify({ service: [id] });
    const tasks = await call<JobTask[]>("GET", "/tasks", { query: { filters } });
    await call("DELETE", `/services/${id}`);
    const until = Date.now() + RELEASE;
    for (const task of tasks.filter(({ Status }) => !ENDED.includes(Status.State))) {
      while (Date.now() < until && (await isThere(task.ID))) await sleep(POLL);
    }
    if (tasks.some(({ JobIteration }) => JobIteration !== undefined)) await removeEnded(id);
  },
};

/** Removes this node's containers of a job that is gone. Swarm leaves those that have ended, and they hold on to volumes. */
async function removeEnded(service: string): Promise<void> {
  const filters = JSON.stringify({ label: [`com.docker.swarm.service.id=${service}`], status: ["exited"] });
  const ended = await call<{ Id: string }[]>("GET", "/containers/json", { query: { all: 1, filters } });
  for (const { Id } of ended) {
    try {
      await call("DELETE", `/containers/${Id}`);
    } catch (error) {
      // Swarm was faster, or is at it.
      if (![404, 409].includes(statusOf(error) ?? 0)) throw error;
    }
  }
}

/** Whether a job has ended without its work done; any update runs it again. */
async function hasFailed({ ID, JobStatus }: Fields): Promise<boolean> {
  const iteration =
    (JobStatus as { JobIteration?: { Index?: number } } | undefined)?.JobIteration?.Index ?? 0;
  const filters = JSON.stringify({ service: [ID] });
  const all = await call<JobTask[]>("GET", "/tasks", { query: { filters } });
  const tasks = all.filter(({ JobIteration }) => (JobIteration?.Index ?? 0) === iteration);
  const slots = new Map<string, string[]>();
  for (const { Slot, NodeID, Status } of tasks) {
    const slot = text(Slot ?? NodeID);
    slots.set(slot, [...(slots.get(slot) ?? []), Status.State]);
  }
  return [...slots.values()].some(
    (states) => !states.includes("complete") && states.every((state) => ENDED.includes(state)),
  );
}

interface JobTask {
  readonly ID: string;
  readonly Slot?: number;
  readonly NodeID?: string;
  readonly JobIteration?: { readonly Index?: number };
  readonly Status: { readonly State: string };
}

function authOf({ registryAuth }: Props): { auth?: string } {
  return typeof registryAuth === "string" ? { auth: registryAuth } : {};
}

function modeOf({ Mode }: Props): string {
  return Object.keys(isFields(Mode) ? Mode : {}).join();
}

/** Whether Swarm still knows a task that runs; it forgets one of a removed service once that has stopped. */
async function isThere(task: string): Promise<boolean> {
  try {
    const { Status } = await call<{ Status: { State: string } }>("GET", `/tasks/${task}`);
    return !ENDED.includes(Status.State);
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw error;
  }
}

// ---------------------------------------------------------------- networks

/** Options that the overlay driver notes by itself. */
const DRIVERS_OWN = /^com\.docker\.network\.driver\.overlay\.vxlanid_list$/;
const NETWORK_FIELDS = [
  "Name",
  "Labels",
  "Driver",
  "Options",
  "Internal",
  "Attachable",
  "EnableIPv4",
  "EnableIPv6",
  "IPAM",
];

const network: Kind = {
  word: "network",
  path: "networks",
  deleteBeforeReplace: true,
  seen(found, props) {
    const seen: Record<string, Value | undefined> = Object.fromEntries(
      NETWORK_FIELDS.map((key) => [key, found[key]]),
    );
    seen.Options = Object.fromEntries(
      Object.entries((found.Options ?? {}) as Fields).filter(
        ([key]) => !DRIVERS_OWN.test(key) || (props.Options as Fields | undefined)?.[key] !== undefined,
      ),
    );
    seen.IPAM = seenIpam(found.IPAM as Ipam, (props.IPAM ?? {}) as Ipam);
    // On unless it was turned off.
    if (props.EnableIPv4 === undefined && seen.EnableIPv4 === true) delete seen.EnableIPv4;
    return Promise.resolve(inWordsOf(props, defined(seen)) as Fields);
  },
  async create(inputs) {
    const { Id } = await call<{ Id: string }>("POST", "/networks/create", {
      body: { ...fieldsOf(inputs), CheckDuplicate: true },
    });
    return Id;
  },
  update: () => Promise.reject(new Fault("Swarm can't change a network")),
  replaces: (changed) => changed,
  remove: (id) => whenReleased(/in use|active endpoints/, () => call("DELETE", `/networks/${id}`)),
};

interface Ipam {
  readonly Driver?: string;
  readonly Options?: Fields | null;
  readonly Config?: readonly Fields[] | null;
}

/** Subnets and gateways that the swarm chose, because nobody asked for others, are no difference. */
function seenIpam(is: Ipam, asked: Ipam): Fields {
  const wanted = asked.Config ?? [];
  const subnets = is.Config ?? [];
  return defined({
    Driver: is.Driver === "default" ? asked.Driver : is.Driver,
    Options: is.Options ?? undefined,
    Config:
      wanted.length === 0
        ? undefined
        : subnets.map((one, at) => {
            const given = Object.keys(wanted[at] ?? one);
            return Object.fromEntries(Object.entries(one).filter(([key]) => given.includes(key)));
          }),
  });
}

// ---------------------------------------------------------------- configs and secrets

function files(word: "config" | "secret"): Kind {
  return {
    word,
    path: `${word}s`,
    deleteBeforeReplace: false,
    seen(found, props) {
      const { Data, ...spec } = found.Spec as Record<string, Value>;
      // Nobody can read a secret's.
      const content =
        word === "secret" ? { Text: props.Text, Data: props.Data } : shownContent(text(Data ?? ""));
      return Promise.resolve(inWordsOf(props, defined({ ...spec, ...content })) as Fields);
    },
    async create(inputs) {
      const { Text, ...spec } = fieldsOf(inputs);
      const content = Text === undefined ? {} : { Data: Buffer.from(text(Text)).toString("base64") };
      const { ID } = await call<{ ID: string }>("POST", `/${word}s/create`, {
        body: { ...spec, ...content },
      });
      return ID;
    },
    async update(id, found, news) {
      const version = (found.Version as { Index: number }).Index;
      const body = { ...(found.Spec as Fields), Labels: news.Labels };
      await call("POST", `/${word}s/${id}/update`, { query: { version }, body });
    },
    replaces: (changed) => changed.filter((key) => key !== "Labels"),
    remove: (id) => call("DELETE", `/${word}s/${id}`),
  };
}

/** Text where it is one, so that a preview shows its lines. */
function shownContent(base64: string): Fields {
  const bytes = Buffer.from(base64, "base64");
  const decoded = bytes.toString("utf8");
  return Buffer.from(decoded).equals(bytes) ? { Text: decoded } : { Data: base64 };
}

// ---------------------------------------------------------------- volumes

const volume: Kind = {
  word: "volume",
  path: "volumes",
  deleteBeforeReplace: true,
  seen(found, props) {
    const { Name, Driver, Options } = found;
    // A volume keeps the labels that it was made with; nothing can change them.
    const seen = { Name, Driver, DriverOpts: Options ?? undefined, Labels: props.Labels };
    return Promise.resolve(inWordsOf(props, defined(seen)) as Fields);
  },
  async create(inputs) {
    await call("POST", "/volumes/create", { body: fieldsOf(inputs) });
    const found = await inspect(volume, nameOf(inputs));
    if (found !== undefined) refuseOther(await volume.seen(found, fieldsOf(inputs)), inputs);
    return nameOf(inputs);
  },
  async update(_id, found, news) {
    refuseOther(await volume.seen(found, fieldsOf(news)), news);
  },
  // Its data would be gone.
  replaces: (changed) => changed.filter((key) => key === "Name"),
  async remove(id, { purge }) {
    if (purge === true)
      await whenReleased(/in use/, () => call("DELETE", `/volumes/${encodeURIComponent(id)}`));
  },
};

function refuseOther(is: Fields, wanted: Props): void {
  const other = ["Driver", "DriverOpts"].filter((key) => !isSame(is[key], wanted[key], key));
  if (other.length === 0) return;
  throw new Fault(
    `Volume ${nameOf(wanted)} is there with other settings, and a volume can't be changed:\n` +
      other
        .map(
          (key) => `  - ${key}: ${JSON.stringify(is[key] ?? {})} -> ${JSON.stringify(wanted[key] ?? {})}\n`,
        )
        .join("") +
      `  Keep what it has in the stack file; or copy its data, and remove it: docker volume rm ${nameOf(wanted)}`,
  );
}

export const providers = {
  Service: provider(service),
  Network: provider(network),
  Config: provider(files("config")),
  Secret: provider(files("secret")),
  Volume: provider(volume),
};
