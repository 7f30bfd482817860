import { connect, dial } from "../engine/engine";

/** What a manager of a swarm with autolock asks for when its engine has started again; empty while that is off. */
export async function unlockKey(managerHost: string): Promise<string> {
  const answer = await request(managerHost, "GET", "/swarm/unlockkey", {});
  return (answer as { readonly UnlockKey?: string }).UnlockKey ?? "";
}

/** Gives the engine at `host`, a manager that has started again, the key of its swarm. */
export async function unlock(managerHost: string, host: string): Promise<void> {
  await request(host, "POST", "/swarm/unlock", { UnlockKey: await unlockKey(managerHost) });
}

/** Whether managers ask for a key when their engines have started again. */
export async function isLocked(managerHost: string): Promise<boolean> {
  const swarm = (await connect(managerHost).swarmInspect()) as {
    readonly Spec: { readonly EncryptionConfig: { readonly AutoLockManagers: boolean } };
  };
  return swarm.Spec.EncryptionConfig.AutoLockManagers;
}

/** The part of the Engine API that the client has no names for. */
function request(host: string, method: "GET" | "POST", path: string, body: object): Promise<unknown> {
  return dial(connect(host), { method, path, options: body, statusCodes: { 200: true } });
}
