import { AddressInfo, createServer, Server } from "node:net";

/** A topic of the fake broker; `leaderless`: its first partition has no leader. */
export interface FakeTopic {
  readonly name: string;
  /** Brokers of each partition. */
  readonly replicas: readonly (readonly number[])[];
  readonly internal?: boolean;
  readonly leaderless?: boolean;
  /** Property to value and source: 1 the topic itself, 3 all brokers, 5 default. */
  readonly config?: Readonly<Record<string, readonly [value: string, source: number]>>;
}

const METADATA = 3;
const DESCRIBE_CONFIGS = 32;
const LEADER_NOT_AVAILABLE = 5;
const TOPIC = 2;

/** A broker that answers Metadata v12 and DescribeConfigs v4, and closes the connection on anything else. */
export async function startFakeBroker(
  topics: readonly FakeTopic[],
): Promise<{ server: Server; address: string }> {
  return listen(
    createServer((socket) => {
      socket.on("error", () => socket.destroy());
      // Requests are small: each comes as one piece.
      socket.on("data", (request) => {
        const api = `${request.readInt16BE(4)} v${request.readInt16BE(6)}`;
        const answer =
          api === `${METADATA} v12`
            ? metadata(topics)
            : api === `${DESCRIBE_CONFIGS} v4`
              ? configs(topics)
              : undefined;
        if (answer === undefined) return socket.destroy();
        const body = Buffer.concat([request.subarray(8, 12), TAGS, answer]);
        socket.write(Buffer.concat([int32(body.length), body]));
      });
    }),
  );
}

/** Listens on a free port of the loopback. */
export async function listen(server: Server): Promise<{ server: Server; address: string }> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, address: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function metadata(topics: readonly FakeTopic[]): Buffer {
  const broker = Buffer.concat([int32(1), text("127.0.0.1"), int32(9094), text(undefined), TAGS]);
  const each = topics.map(({ name, replicas, internal = false, leaderless = false }) =>
    Buffer.concat([
      int16(0),
      text(name),
      Buffer.alloc(16),
      bool(internal),
      array(replicas.map(partition(leaderless))),
      int32(0),
      TAGS,
    ]),
  );
  return Buffer.concat([int32(0), array([broker]), text("cluster"), int32(1), array(each), TAGS]);
}

function partition(leaderless: boolean): (replicas: readonly number[], index: number) => Buffer {
  return (replicas, index) => {
    const nodes = array(replicas.map(int32));
    const error = leaderless && index === 0 ? LEADER_NOT_AVAILABLE : 0;
    return Buffer.concat([
      int16(error),
      int32(index),
      int32(error ? -1 : 1),
      int32(0),
      nodes,
      nodes,
      array([]),
      TAGS,
    ]);
  };
}

function configs(topics: readonly FakeTopic[]): Buffer {
  const each = topics.map(({ name, config = {} }) => {
    const entries = Object.entries(config).map(([property, [value, source]]) =>
      Buffer.concat([
        text(property),
        text(value),
        bool(false),
        int8(source),
        bool(false),
        array([]),
        int8(2),
        text(undefined),
        TAGS,
      ]),
    );
    return Buffer.concat([int16(0), text(undefined), int8(TOPIC), text(name), array(entries), TAGS]);
  });
  return Buffer.concat([int32(0), array(each), TAGS]);
}

// The types of Kafka's protocol in its compact form: https://kafka.apache.org/protocol.html#protocol_types
const TAGS = Buffer.from([0]);

function int8(value: number): Buffer {
  return Buffer.from([value]);
}
function bool(value: boolean): Buffer {
  return int8(value ? 1 : 0);
}
function int16(value: number): Buffer {
  const buffer = Buffer.alloc(2);
  buffer.writeInt16BE(value);
  return buffer;
}
function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
}
function varint(value: number): Buffer {
  return value < 128
    ? int8(value)
    : Buffer.concat([int8((value % 128) + 128), varint(Math.floor(value / 128))]);
}
function text(value: string | undefined): Buffer {
  if (value === undefined) return varint(0);
  return Buffer.concat([varint(Buffer.byteLength(value) + 1), Buffer.from(value)]);
}
function array(items: readonly Buffer[]): Buffer {
  return Buffer.concat([varint(items.length + 1), ...items]);
}
