/** What a kernel has, as far as it can be seen from a container. */
export type Known = "yes" | "no" | "unknown";

/** What a task on one node found. */
export interface NodeProbe {
  /** Host name of the node. */
  readonly node: string;
  readonly ipvs: Known;
  readonly esp: Known;
  /** Nodes whose tasks DNS names. */
  readonly sees: readonly string[];
  /** Nodes whose tasks answer. */
  readonly reaches: readonly string[];
  /** Whether a virtual IP has answered. */
  readonly virtual: boolean;
}

/** What a stack asks of the network. */
export interface NetworkNeeds {
  /** Virtual IPs, and the ingress mesh. */
  readonly virtualIps: boolean;
  readonly encrypted: boolean;
}

type Pair = readonly [NodeProbe, NodeProbe];

/** What does not work, the nodes that it doesn't work on, and what to do; empty when traffic flows. */
export function networkFaults(probes: readonly NodeProbe[], needs: NetworkNeeds): string[] {
  const pairs = probes.flatMap((a, i) => probes.slice(i + 1).map((b): Pair => [a, b]));
  const names = probes.map(({ node }) => node);
  const unseen = pairs.filter(([a, b]) => !a.sees.includes(b.node) || !b.sees.includes(a.node));
  const unreached = pairs.filter(
    (pair) =>
      !unseen.includes(pair) &&
      !(pair[0].reaches.includes(pair[1].node) && pair[1].reaches.includes(pair[0].node)),
  );
  const lacksEsp = ({ esp }: NodeProbe): boolean => needs.encrypted && esp === "no";
  const blocked = unreached.filter((pair) => !pair.some(lacksEsp));
  const noVirtual = needs.virtualIps ? probes.filter(({ virtual }) => !virtual) : [];

  return [
    ...on(
      noVirtual.filter(({ ipvs }) => ipvs === "no"),
      "the kernel lacks IPVS, so virtual IPs and the ingress mesh carry no traffic; do: a kernel with it (modprobe ip_vs)," +
        " or do without: pulumi config set routing host",
    ),
    ...on(
      noVirtual.filter(({ ipvs }) => ipvs !== "no"),
      "a virtual IP does not answer; do: see that the kernel has IPVS (modprobe ip_vs), or do without:" +
        " pulumi config set routing host",
    ),
    ...on(
      probes.filter((one) => lacksEsp(one) && unreached.some((pair) => pair.includes(one))),
      "the kernel lacks ESP, so the encrypted overlay carries no traffic between nodes; do: a kernel with it (modprobe esp4)," +
        " or do without: pulumi config set networkEncrypted false",
    ),
    ...between(
      unseen,
      names,
      "they don't find each other's tasks; do: open 7946/tcp and 7946/udp between them, both ways (Swarm's gossip)",
    ),
    ...between(
      blocked,
      names,
      "they find each other, but no packet of the overlay arrives; do: open 4789/udp between them, both ways (VXLAN)" +
        (needs.encrypted ? ", and IP protocol 50 (ESP); see that both kernels have ESP (modprobe esp4)" : ""),
    ),
  ];
}

/** What works now and will not with another node; undefined when nothing. */
export function networkWarning(probes: readonly NodeProbe[], needs: NetworkNeeds): string | undefined {
  const [fault] = on(
    probes.filter(({ esp }) => needs.encrypted && esp === "no"),
    "the kernel lacks ESP: the encrypted overlay carries traffic on this node, and none to others that join",
  );
  return fault;
}

function on(probes: readonly NodeProbe[], what: string): string[] {
  return probes.length === 0 ? [] : [`${probes.map(({ node }) => node).join(", ")}: ${what}`];
}

/** Names a node once that has no traffic with any other. */
function between(pairs: readonly Pair[], names: readonly string[], what: string): string[] {
  if (pairs.length === 0) return [];
  const ofNode = (name: string): Pair[] => pairs.filter((pair) => pair.some(({ node }) => node === name));
  const alone = names.filter((name) => names.length > 2 && ofNode(name).length === names.length - 1);
  const others = pairs.filter((pair) => !pair.some(({ node }) => alone.includes(node)));
  const all = [
    ...alone.map((name) => `${name} and every other node`),
    ...others.map(([a, b]) => `${a.node} and ${b.node}`),
  ];
  return [`${all.join(", ")}: ${what}`];
}
