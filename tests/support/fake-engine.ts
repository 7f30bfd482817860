import { createServer, IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import * as path from "node:path";
import { text } from "node:stream/consumers";
import { tempFolder } from "./temp";

/** What the engine is asked, as it arrives. */
export interface ApiRequest {
  /** Method and path, such as `GET /info`. */
  readonly route: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** Text of the body, empty when there is none. */
  readonly body: string;
}

/** JSON, bytes, or an error with its HTTP status. */
export type ApiAnswer = object | Buffer | ApiFault;

/** The engine's way to say no. */
export class ApiFault {
  constructor(
    readonly status: number,
    readonly message: string,
  ) {}
}

/** A server that speaks as much of the Engine API as a test tells it to. */
export class FakeEngine {
  /** All requests so far. */
  readonly requests: ApiRequest[] = [];
  private readonly server: Server;

  /**
   * @param answer what to say; undefined is a 404.
   */
  constructor(answer: (request: ApiRequest) => ApiAnswer | undefined) {
    const respond = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
      const url = new URL(incoming.url ?? "/", "http://engine");
      const request = {
        route: `${incoming.method} ${decodeURIComponent(url.pathname)}`,
        query: url.searchParams,
        headers: incoming.headers,
        body: await text(incoming),
      };
      this.requests.push(request);
      const answered = answer(request) ?? new ApiFault(404, `no route ${request.route}`);
      if (answered instanceof ApiFault) {
        outgoing.writeHead(answered.status, { "content-type": "application/json" });
        outgoing.end(JSON.stringify({ message: answered.message }));
      } else if (Buffer.isBuffer(answered)) {
        outgoing.writeHead(200, { "content-type": "application/octet-stream" }).end(answered);
      } else {
        outgoing.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answered));
      }
    };
    this.server = createServer((incoming, outgoing) => void respond(incoming, outgoing));
  }

  /** Listens on a socket in a new folder; returns the engine's address, `unix:///...`. */
  async listen(): Promise<string> {
    const socket = path.join(tempFolder(), "docker.sock");
    await new Promise<void>((resolve) => this.server.listen(socket, resolve));
    return `unix://${socket}`;
  }

  /** Listens on a port of the loopback; returns the engine's address, `tcp://127.0.0.1:<port>`. */
  async listenTcp(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    return `tcp://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** Output as the engine frames it: stream (1 stdout, 2 stderr, 3 the engine's own), three zeros, length, text. */
export function frames(...pieces: [stream: 1 | 2 | 3, text: string][]): Buffer {
  return Buffer.concat(
    pieces.flatMap(([stream, text]) => {
      const header = Buffer.alloc(8);
      header.writeUInt8(stream, 0);
      header.writeUInt32BE(Buffer.byteLength(text), 4);
      return [header, Buffer.from(text)];
    }),
  );
}
