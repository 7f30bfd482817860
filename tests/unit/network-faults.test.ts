import {
  NetworkNeeds,
  networkFaults,
  networkWarning,
  NodeProbe,
} from "../../components/network/network-faults";

const NODES = ["n1", "n2", "n3"];
const PLAIN: NetworkNeeds = { virtualIps: false, encrypted: false };
const MESH: NetworkNeeds = { virtualIps: true, encrypted: false };
const ENCRYPTED: NetworkNeeds = { virtualIps: false, encrypted: true };

/** All is well on three nodes, but for what is given of some. */
const probes = (differing: Readonly<Record<string, Partial<NodeProbe>>> = {}): NodeProbe[] =>
  NODES.map((node) => ({
    node,
    ipvs: "yes",
    esp: "yes",
    sees: NODES,
    reaches: NODES,
    virtual: true,
    ...differing[node],
  }));
const GOSSIP =
  "they don't find each other's tasks; do: open 7946/tcp and 7946/udp between them, both ways (Swarm's gossip)";
const VXLAN =
  "they find each other, but no packet of the overlay arrives; do: open 4789/udp between them, both ways (VXLAN)";
const ESP_PORT = ", and IP protocol 50 (ESP); see that both kernels have ESP (modprobe esp4)";
const NO_ESP =
  "the kernel lacks ESP, so the encrypted overlay carries no traffic between nodes; do: a kernel with it" +
  " (modprobe esp4), or do without: pulumi config set networkEncrypted false";

test.each([PLAIN, MESH, ENCRYPTED])("where traffic flows there is no fault: %j", (needs) => {
  expect(networkFaults(probes(), needs)).toEqual([]);
  expect(networkWarning(probes(), needs)).toBeUndefined();
});

test("what a stack does not ask may be missing", () => {
  const lacking = { ipvs: "no", esp: "no", virtual: false } as const;
  expect(networkFaults(probes({ n1: lacking, n2: lacking }), PLAIN)).toEqual([]);
  expect(networkWarning(probes({ n1: lacking }), PLAIN)).toBeUndefined();
});

test("nodes without IPVS are named with what to do, and told from those where the reason is not known", () => {
  const all = probes({
    n1: { ipvs: "no", virtual: false },
    n2: { ipvs: "unknown", virtual: false },
    n3: { ipvs: "no", virtual: false },
  });
  expect(networkFaults(all, MESH)).toEqual([
    "n1, n3: the kernel lacks IPVS, so virtual IPs and the ingress mesh carry no traffic; do: a kernel with it" +
      " (modprobe ip_vs), or do without: pulumi config set routing host",
    "n2: a virtual IP does not answer; do: see that the kernel has IPVS (modprobe ip_vs), or do without:" +
      " pulumi config set routing host",
  ]);
});

test("a virtual IP that answers proves IPVS, whatever the kernel shows", () => {
  expect(networkFaults(probes({ n1: { ipvs: "no" } }), MESH)).toEqual([]);
});

test("a node that nobody finds, by gossip", () => {
  const blocked = probes({ n3: { sees: ["n3"], reaches: ["n3"] } });
  expect(networkFaults(blocked, PLAIN)).toEqual([`n3 and every other node: ${GOSSIP}`]);
  const oneWay = probes({ n1: { sees: ["n1", "n3"], reaches: ["n1", "n3"] } });
  expect(networkFaults(oneWay, PLAIN)).toEqual([`n1 and n2: ${GOSSIP}`]);
});

test("nodes that find each other and don't reach each other, by VXLAN", () => {
  const blocked = probes({ n1: { reaches: ["n1", "n3"] }, n2: { reaches: ["n2", "n3"] } });
  expect(networkFaults(blocked, PLAIN)).toEqual([`n1 and n2: ${VXLAN}`]);
  expect(networkFaults(blocked, ENCRYPTED)).toEqual([`n1 and n2: ${VXLAN}${ESP_PORT}`]);
});

test("each problem has its sentence", () => {
  const all = probes({
    n1: { sees: ["n1", "n3"], reaches: ["n1"] },
    n2: { sees: ["n2", "n3"] },
    n3: { virtual: false },
  });
  const { length } = networkFaults(all, { virtualIps: true, encrypted: true });
  expect(length).toBe(3);
});

test("with encryption, a kernel without ESP is the reason, not the ports", () => {
  const apart = { n1: ["n1"], n2: ["n2"], n3: ["n3"] };
  const [first, second, third] = probes();
  const all = [first, second, third].flatMap((one) =>
    one === undefined ? [] : [{ ...one, reaches: apart[one.node as "n1"] }],
  );
  const lacking = all.map((one) => (one.node === "n3" ? { ...one, esp: "no" as const } : one));
  expect(networkFaults(lacking, ENCRYPTED)).toEqual([`n3: ${NO_ESP}`, `n1 and n2: ${VXLAN}${ESP_PORT}`]);
});

test("one node alone needs no ESP, and is told that others will", () => {
  const [only] = probes({ n1: { esp: "no", sees: ["n1"], reaches: ["n1"] } });
  const alone = only === undefined ? [] : [only];
  expect(networkFaults(alone, ENCRYPTED)).toEqual([]);
  expect(networkWarning(alone, ENCRYPTED)).toBe(
    "n1: the kernel lacks ESP: the encrypted overlay carries traffic on this node, and none to others that join",
  );
});
