import { spawn } from "node:child_process";
import { createServer, Server } from "node:http";
import type { AddressInfo } from "node:net";
import * as path from "node:path";
import { text } from "node:stream/consumers";
import { PROJECT_DIR } from "./project";

/** An issue or a comment, as far as the scripts look at it. */
export interface Post {
  readonly id: number;
  readonly number: number;
  readonly user: { readonly login: string };
  body: string;
  title?: string;
  state: string;
  labels: readonly string[];
  readonly html_url: string;
}

/** What GITHUB_TOKEN writes as. */
export const BOT = "github-actions[bot]";
const PAGE = 100;

/** A server that keeps the issues and comments of one repository, as GitHub's REST API does, page by page. */
export class FakeGitHub {
  readonly issues: Post[] = [];
  /** Comments by the number of their issue or pull request. */
  readonly comments = new Map<number, Post[]>();
  /** Pull requests by the commit that they brought. */
  readonly pulls = new Map<string, object[]>();
  /** Method and path of all requests so far, such as `POST /issues`. */
  readonly requests: string[] = [];
  /** Answers everything with this, when it is set. */
  refuses: { readonly status: number; readonly message: string } | undefined;
  private readonly server: Server;
  private last = 0;

  constructor() {
    this.server = createServer((incoming, outgoing) => {
      void text(incoming).then((body) => {
        const url = new URL(incoming.url ?? "/", this.url());
        const route = url.pathname.replace(/^\/repos\/team\/platform/, "");
        this.requests.push(`${incoming.method} ${route}${url.search}`);
        const answer = (status: number, content: unknown, link?: string): void => {
          outgoing.writeHead(status, { "content-type": "application/json", ...(link && { link }) });
          outgoing.end(JSON.stringify(content));
        };
        if (incoming.headers.authorization !== "Bearer token")
          return answer(401, { message: "Bad credentials" });
        if (this.refuses) return answer(this.refuses.status, { message: this.refuses.message });
        const content = this.answer(`${incoming.method} ${route}`, url.searchParams, body);
        if (!Array.isArray(content))
          return answer(content === undefined ? 404 : 200, content ?? { message: "Not Found" });
        const page = Number(url.searchParams.get("page") ?? 1);
        const size = Number(url.searchParams.get("per_page") ?? 30);
        const next = new URL(url);
        next.searchParams.set("page", String(page + 1));
        const more = content.length > page * size ? `<${next.href}>; rel="next"` : undefined;
        answer(200, content.slice((page - 1) * size, page * size), more);
      });
    });
  }

  private answer(route: string, query: URLSearchParams, body: string): unknown {
    const sent = (): Partial<Post> => JSON.parse(body) as Partial<Post>;
    const [, issue] = /\/issues\/(\d+)\/comments$/.exec(route) ?? [];
    const [, one] = /\/(\d+)$/.exec(route) ?? [];
    const [, commit] = /^GET \/commits\/(\w+)\/pulls$/.exec(route) ?? [];
    if (commit !== undefined) return this.pulls.get(commit) ?? [];
    if (route === "GET /issues") {
      const label = query.get("labels") ?? "";
      return this.issues.filter(
        ({ state, labels }) => state === query.get("state") && labels.includes(label),
      );
    }
    if (route === "POST /issues") return this.post(this.issues, sent());
    if (issue !== undefined) {
      const comments = this.comments.get(Number(issue)) ?? [];
      this.comments.set(Number(issue), comments);
      return route.startsWith("GET ") ? comments : this.post(comments, sent());
    }
    const texts = route.includes("/comments/") ? [...this.comments.values()].flat() : this.issues;
    const found = texts.find(({ id }) => id === Number(one));
    return found && Object.assign(found, sent());
  }

  /** Adds a text, as if somebody had written it. */
  post(to: Post[], sent: Partial<Post>): Post {
    const id = (this.last += 1);
    const html_url = `https://github.example/team/platform/${id}`;
    const post: Post = {
      body: "",
      state: "open",
      labels: [],
      ...sent,
      id,
      number: id,
      html_url,
      user: sent.user ?? { login: BOT },
    };
    to.push(post);
    return post;
  }

  /** So many comments of others that one page does not hold them. */
  crowd(number: number): void {
    const comments: Post[] = [];
    for (let i = 0; i < PAGE; i++) this.post(comments, { body: "+1", user: { login: "somebody" } });
    this.comments.set(number, comments);
  }

  private url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** Runs one of tools/ci/ as a workflow would. */
  async run(
    tool: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Ended> {
    const child = spawn(process.execPath, [path.join(PROJECT_DIR, "tools/ci", tool), ...args], {
      cwd: PROJECT_DIR,
      env: {
        PATH: process.env.PATH,
        GITHUB_API_URL: this.url(),
        GITHUB_SERVER_URL: "https://github.example",
        GITHUB_REPOSITORY: "team/platform",
        GITHUB_TOKEN: "token",
        GITHUB_RUN_ID: "42",
        ...env,
      },
    });
    const code = new Promise<number | null>((resolve) => child.on("close", resolve));
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { code: await code, stdout, stderr };
  }
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}
