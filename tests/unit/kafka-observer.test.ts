import { createServer, Server, Socket } from "node:net";
import { ErrorChain, observeTopics, reason } from "../../components/kafka/kafka-observer";
import { FakeTopic, listen, startFakeBroker } from "../support/fake-kafka";

const started: { server: Server; sockets: Set<Socket> }[] = [];
async function start(starting: Promise<{ server: Server; address: string }>): Promise<string> {
  const { server, address } = await starting;
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket.on("close", () => sockets.delete(socket))));
  started.push({ server, sockets });
  return address;
}
afterEach(async () => {
  for (const { server, sockets } of started.splice(0)) {
    sockets.forEach((socket) => socket.destroy());
    await new Promise((resolve) => server.close(resolve));
  }
});

const TOPICS: FakeTopic[] = [
  {
    name: "orders",
    replicas: [
      [1, 2, 3],
      [2, 3, 1],
    ],
    config: { "retention.ms": ["5", 1], "min.insync.replicas": ["1", 3], "segment.ms": ["7", 5] },
  },
  { name: "moving", replicas: [[1], [1, 2]], leaderless: true },
  { name: "__consumer_offsets", replicas: Array.from({ length: 50 }, () => [1]), internal: true },
];
const SEEN = new Map([
  ["orders", { partitions: 2, replicationFactor: 3, config: { "retention.ms": "5" } }],
  ["moving", { partitions: 2, replicationFactor: 1, config: {} }],
  ["__consumer_offsets", { partitions: 50, replicationFactor: 1, config: {} }],
]);
const silent = (): Promise<string> =>
  start(listen(createServer((socket) => socket.resume().on("error", () => socket.destroy()))));
const faultOf = (bootstrap: string[], timeoutMs: number): Promise<string> =>
  observeTopics({ bootstrap, timeoutMs }).then(
    () => "nothing was thrown",
    (error: Error) => error.message,
  );

test("topics with what is set on themselves, those without a leader and internal ones too", async () => {
  const address = await start(startFakeBroker(TOPICS));
  expect(await observeTopics({ bootstrap: [address], timeoutMs: 10_000 })).toEqual(SEEN);
});

test("a cluster without topics", async () => {
  const address = await start(startFakeBroker([]));
  expect(await observeTopics({ bootstrap: [address], timeoutMs: 10_000 })).toEqual(new Map());
});

test("the first broker that answers is enough", async () => {
  const addresses = [await silent(), "127.0.0.1:1", await start(startFakeBroker(TOPICS))];
  expect(await observeTopics({ bootstrap: addresses, timeoutMs: 10_000 })).toEqual(SEEN);
});

test("brokers that can't be read have a reason each, and no socket of theirs stays", async () => {
  const addresses = [
    await silent(),
    "127.0.0.1:1",
    await start(listen(createServer((socket) => socket.destroy()))),
  ];
  expect(await faultOf(addresses, 5000)).toBe(
    `Kafka can't be read: ${addresses[0]} gives no answer, ${addresses[1]} refuses the connection,` +
      ` ${addresses[2]} closes the connection; it may want a login or TLS.`,
  );
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(started.map(({ sockets }) => sockets.size)).toEqual([0, 0]);
});

test("it ends in its time, however short", async () => {
  const address = await silent();
  expect(await faultOf([address], 1)).toBe(`Kafka can't be read: ${address} gives no answer.`);
});

const network = (message: string, code = "PLT_KFK_NETWORK"): ErrorChain[number] => ({ code, message });
const FAILED = network("Connection to kafka:9094 failed.");

// Chains as the client gives them for a broker of Kafka 4.1.0.
test.each<[string, ErrorChain, { user?: string; ca?: string }]>([
  ["refuses the connection", [FAILED, network("connect ECONNREFUSED 10.0.0.1:9094", "ECONNREFUSED")], {}],
  [
    "has a host name that can't be resolved",
    [FAILED, network("getaddrinfo ENOTFOUND kafka", "ENOTFOUND")],
    {},
  ],
  ["gives no answer", [network("Connection to 10.0.0.1:9094 timed out.")], {}],
  ["gives no answer", [FAILED, network("connect ETIMEDOUT 10.0.0.1:9094", "ETIMEDOUT")], {}],
  [
    "refuses the login of alice",
    [
      FAILED,
      network("SASL authentication failed.", "PLT_KFK_AUTHENTICATION"),
      network("Received response with error while executing API SaslAuthenticate(v2)", "PLT_KFK_RESPONSE"),
      network("SASL authentication failed.", "PLT_KFK_PROTOCOL"),
    ],
    { user: "alice" },
  ],
  [
    "takes no login by SCRAM-SHA-512 there",
    [
      FAILED,
      network("Cannot find a suitable SASL mechanism.", "PLT_KFK_AUTHENTICATION"),
      network("Received response with error while executing API SaslHandshake(v1)", "PLT_KFK_RESPONSE"),
      network("Request is not valid given the current SASL state.", "PLT_KFK_PROTOCOL"),
    ],
    { user: "alice" },
  ],
  [
    "does not speak TLS there",
    [
      FAILED,
      network("TLS handshake failed. Please verify the broker supports TLS.", "PLT_KFK_USER"),
      network(
        "Client network socket disconnected before secure TLS connection was established",
        "ECONNRESET",
      ),
    ],
    { ca: "pem" },
  ],
  [
    "has a certificate that is not trusted (self-signed certificate in certificate chain)",
    [FAILED, network("self-signed certificate in certificate chain", "SELF_SIGNED_CERT_IN_CHAIN")],
    { ca: "pem" },
  ],
  ["closes the connection; it may want a login or TLS", [network("Connection closed")], {}],
  ["closes the connection; it may want TLS", [FAILED, network("Connection closed")], { user: "alice" }],
  ["closes the connection; it may want a login", [network("Connection closed")], { ca: "pem" }],
  ["closes the connection", [network("Connection closed")], { user: "alice", ca: "pem" }],
  [
    "fails (connect EHOSTUNREACH 10.0.0.1:9094)",
    [FAILED, network("connect EHOSTUNREACH 10.0.0.1:9094", "EHOSTUNREACH")],
    {},
  ],
])("a broker that %s", (text, chain, options) => {
  expect(reason(chain, options)).toBe(text);
});
