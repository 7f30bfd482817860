import { type ChildProcessByStdio, spawn } from "node:child_process";
import { Agent } from "node:http";
import { Duplex, type Readable, type Writable } from "node:stream";

/** Longest wait for the connection itself, in seconds. */
const CONNECT_TIMEOUT = 10;
/** At most so many logins at a time to one machine: sshd refuses at random above 10 (its MaxStartups). */
const MAX_CONNECTIONS = 4;
/** An idle connection is kept this long for the next request, in ms. */
const IDLE = 2_000;

/**
 * Connections to a Docker engine by the machine's own ssh, as the docker CLI makes them (docker/cli,
 * cli/connhelper): `ssh user@host docker system dial-stdio`. So keys, agents, known hosts, jump hosts and
 * whatever else `~/.ssh/config` says hold for this program too. It never asks anything (BatchMode).
 */
export class SshConnections extends Agent {
  private readonly url: URL;

  /** @param url ssh://[user@]host[:port] */
  constructor(url: URL) {
    super({ keepAlive: true, maxSockets: MAX_CONNECTIONS, timeout: IDLE });
    this.url = url;
  }

  override createConnection(): Duplex {
    const { hostname, port, username } = this.url;
    const options = ["-T", "-o", "BatchMode=yes", "-o", `ConnectTimeout=${CONNECT_TIMEOUT}`];
    if (username !== "") options.push("-l", decodeURIComponent(username));
    if (port !== "") options.push("-p", port);
    const args = [...options, "--", hostname, "docker", "system", "dial-stdio"];
    return new SshConnection(spawn("ssh", args, { stdio: ["pipe", "pipe", "pipe"], env: process.env }));
  }
}

/** What goes in and out of one ssh process, with as much of a socket as Node's HTTP client asks for. */
class SshConnection extends Duplex {
  private said = "";
  private readonly ssh: ChildProcessByStdio<Writable, Readable, Readable>;

  constructor(ssh: ChildProcessByStdio<Writable, Readable, Readable>) {
    super();
    this.ssh = ssh;
    ssh.on("error", (error) => this.destroy(error));
    ssh.stdin.on("error", () => undefined);
    ssh.stdout.once("data", (piece: Buffer) => this.refuseIfNotHttp(piece.toString()));
    ssh.stdout.on("data", (piece: Buffer) => {
      if (!this.destroyed && !this.push(piece)) ssh.stdout.pause();
    });
    ssh.stderr.on("data", (piece: Buffer) => (this.said += piece.toString()));
    ssh.on("close", (code) => {
      if (code === 0 || code === null) this.push(null);
      else this.destroy(new Error(sshReason(this.said) ?? `ssh ended with ${code}`));
    });
  }

  /** A login without a shell, or a shell's start-up file, says something of its own. */
  private refuseIfNotHttp(answer: string): void {
    if (answer.startsWith("HTTP/")) return;
    const [line = ""] = answer.split("\n");
    this.destroy(new Error(`the login says this instead of docker's answer: ${line.trim()}`));
  }

  override _read(): void {
    this.ssh.stdout.resume();
  }

  override _write(piece: Buffer, encoding: BufferEncoding, done: () => void): void {
    // That it can't be written is told better by the end of the process.
    this.ssh.stdin.write(piece, encoding, () => done());
  }

  override _final(done: () => void): void {
    this.ssh.stdin.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.ssh.kill();
    done(error);
  }

  setKeepAlive(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  /** The agent closes what is idle. */
  setTimeout(): this {
    return this;
  }

  /** An idle connection must not keep the program from its end. */
  unref(): this {
    this.handles((handle) => handle.unref?.());
    return this;
  }

  ref(): this {
    this.handles((handle) => handle.ref?.());
    return this;
  }

  private handles(each: (handle: { ref?(): void; unref?(): void }) => void): void {
    for (const handle of [this.ssh, this.ssh.stdin, this.ssh.stdout, this.ssh.stderr]) each(handle as object);
  }
}

/** The last line that ssh, or docker at the other end, wrote to stderr and that is no warning. */
export function sshReason(said: string): string | undefined {
  const lines = said.split("\n").map((line) => line.trim());
  const telling = lines.filter((line) => line !== "" && !/^(warning|\*\*|debug\d)/i.test(line));
  return telling.at(-1);
}
