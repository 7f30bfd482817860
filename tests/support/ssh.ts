import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { WORK } from "./engine";

/** A login by ssh of the tests' own: nothing of the user's keys, known hosts or configuration is used or touched. */
export interface SshLogin {
  /** Flag of startEngine: an sshd that lets this login in. */
  readonly sshd: string;
  /** Environment in which `ssh` logs in with it. */
  readonly env: Readonly<Record<string, string>>;
}

/** Makes a key, and an `ssh` that uses it. */
export function sshLogin(name: string): SshLogin {
  const folder = path.join(WORK, "ssh", name);
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  const file = (base: string, text: string, mode?: number): string => {
    fs.writeFileSync(path.join(folder, base), text, { mode });
    return path.join(folder, base);
  };
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", path.join(folder, "key")]);
  const config = file(
    "config",
    `Host *
  IdentityFile ${folder}/key
  IdentitiesOnly yes
  StrictHostKeyChecking accept-new
  UserKnownHostsFile ${folder}/known_hosts
`,
  );
  // ssh finds its folder by the password file, whatever HOME says.
  file("ssh", `#!/bin/sh\nexec /usr/bin/ssh -F ${config} "$@"\n`, 0o755);
  return { sshd: `--sshd=${folder}/key.pub`, env: { PATH: `${folder}:${process.env.PATH}` } };
}

/** Why no sshd can be started; undefined where it can. */
export function whyNoSsh(): string | undefined {
  return fs.existsSync("/usr/sbin/sshd") ? undefined : "/usr/sbin/sshd is not installed (openssh-server)";
}
