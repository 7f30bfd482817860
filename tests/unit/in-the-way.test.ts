import { DockerAnswers, runTool, ToolRun } from "../support/fake-docker";

const OWN = "com.docker.stack.namespace=dev";
const NETWORK = { Id: "net1full", Name: "dev_network", Containers: {} };
const CONFIG = { ID: "conf1", Spec: { Name: "dev_conf-0123456789ab" } };

const INFO = "info --format {{.Name}} {{.Swarm.LocalNodeState}} {{.Swarm.NodeAddr}}";
/** An engine on which nobody uses anything. */
const QUIET: DockerAnswers = {
  [INFO]: "node1 active 10.0.0.1\n",
  "service ls --quiet": "",
  "service ls --format {{.Name}}": "",
  "network ls --quiet --no-trunc": "",
  "config ls --quiet": "",
  "secret ls --quiet": "",
  [`ps --filter label=${OWN} --format {{.Label "com.docker.swarm.service.name"}}`]: "",
};
const network = (more: object = {}): DockerAnswers => ({
  "network ls --quiet --no-trunc": `${NETWORK.Id}\n`,
  [`network inspect ${NETWORK.Id}`]: JSON.stringify([{ ...NETWORK, ...more }]),
});
const services = (...inspected: object[]): DockerAnswers => {
  const ids = inspected.map((_one, i) => `short${i}`);
  return {
    "service ls --quiet": ids.join("\n"),
    [`service inspect ${ids.join(" ")}`]: JSON.stringify(inspected),
  };
};
const service = (ID: string, Name: string, task: object): object => ({
  ID,
  Spec: { Name, TaskTemplate: { ContainerSpec: { Image: "nginx:1@sha256:0123" }, ...task } },
});

/** Ids that the state still has, by type. */
type Left = Readonly<Record<string, string>>;
const NETWORK_LEFT: Left = { "network:Network": NETWORK.Id };

function inTheWay(left: Left, answers: DockerAnswers): ToolRun {
  const resources = Object.entries(left).map(([type, id]) => ({ type: `docker:index/${type}`, id }));
  const stdin = JSON.stringify({ deployment: { resources } });
  return runTool("in-the-way.mjs", ["dev"], { ...QUIET, ...answers }, { stdin });
}
const THEN = "stack dev: free what is named above, then run it again: make destroy\n";

test("nobody is, where nothing is left", () => {
  const result = runTool("in-the-way.mjs", ["dev"], QUIET, { stdin: `{"deployment":{}}` });
  expect(result).toMatchObject({ code: 0, stdout: "", stderr: "" });
});

test("what is gone from the swarm is in nobody's way", () => {
  expect(inTheWay({ ...NETWORK_LEFT, "secret:Secret": "s1" }, {})).toMatchObject({ code: 0, stderr: "" });
});

test("a container on the network is named, with its node and what frees it", () => {
  const Containers = { c1: {}, "lb-dev_network": {}, c2: {} };
  const result = inTheWay(NETWORK_LEFT, {
    ...network({ Containers }),
    "container inspect c1 c2": JSON.stringify([
      { Name: "/theirs", Config: { Image: "busybox:1", Labels: null } },
      { Name: "/task", Config: { Image: "nginx:1", Labels: { "com.docker.swarm.task.id": "t1" } } },
    ]),
  });
  expect(result).toMatchObject({ code: 1, stdout: "" });
  expect(result.stderr).toBe(
    "stack dev: network dev_network stays, because others use it:\n" +
      "  container theirs (busybox:1) on node node1; free it: docker network disconnect --force dev_network theirs\n" +
      THEN,
  );
});

test("services of others are named once for each thing that they use", () => {
  const uses = {
    Networks: [{ Target: NETWORK.Id }],
    ContainerSpec: { Image: "nginx:1", Configs: [{ ConfigID: CONFIG.ID }], Secrets: [{ SecretID: "other" }] },
  };
  const result = inTheWay(
    {
      ...NETWORK_LEFT,
      "serviceConfig:ServiceConfig": CONFIG.ID,
      "secret:Secret": "s1",
      "service:Service": "own1",
    },
    {
      ...network(),
      "config ls --quiet": `${CONFIG.ID}\n`,
      [`config inspect ${CONFIG.ID}`]: JSON.stringify([CONFIG]),
      "secret ls --quiet": "s1\n",
      "secret inspect s1": JSON.stringify([{ ID: "s1", Spec: { Name: "dev_token-0123456789ab" } }]),
      ...services(
        service("theirs1", "theirs", uses),
        service("own1", "dev_web", uses),
        service("p1", "plain", {}),
      ),
    },
  );
  expect(result.code).toBe(1);
  expect(result.stderr).toBe(
    "stack dev: network dev_network stays, because others use it:\n" +
      "  service theirs (nginx:1); free it: docker service update --network-rm dev_network theirs\n" +
      "stack dev: config dev_conf-0123456789ab stays, because others use it:\n" +
      "  service theirs (nginx:1); free it: docker service update --config-rm dev_conf-0123456789ab theirs\n" +
      THEN,
  );
});

test("what stack files declare is looked at too, and their containers are the environment's own", () => {
  const ps = (namespace: string): string =>
    `ps --filter label=com.docker.stack.namespace=${namespace} --format {{.Label "com.docker.swarm.service.name"}}`;
  const left = { type: "pulumi-nodejs:dynamic/compose:Network", id: NETWORK.Id };
  const own = { type: "pulumi-nodejs:dynamic/compose:Service", id: "own1" };
  const uses = { Networks: [{ Target: NETWORK.Id }], ContainerSpec: { Image: "nginx:1" } };
  const run = (resources: object[], answers: DockerAnswers): ToolRun =>
    runTool(
      "in-the-way.mjs",
      ["dev\nshop"],
      { ...QUIET, [ps("shop")]: "", ...answers },
      { stdin: JSON.stringify({ deployment: { resources } }) },
    );
  const there = {
    ...network(),
    ...services(service("theirs1", "theirs", uses), service("own1", "shop_web", uses)),
  };
  const result = run([left, own], there);
  expect(result.stderr).toBe(
    "stack dev: network dev_network stays, because others use it:\n" +
      "  service theirs (nginx:1); free it: docker service update --network-rm dev_network theirs\n" +
      THEN,
  );
  const Mounts = [{ Name: "shop_data", Destination: "/data" }];
  const Labels = { "com.docker.swarm.task.id": "t", "com.docker.stack.namespace": "shop" };
  const stopping = run([{ type: "pulumi-nodejs:dynamic/compose:Volume", id: "shop_data" }], {
    "ps --all --quiet --filter volume=shop_data": "c1\n",
    "container inspect c1": JSON.stringify([{ Name: "/web", Config: { Image: "a", Labels }, Mounts }]),
  });
  expect(stopping).toMatchObject({ code: 0, stderr: "" });
});

test("containers and services of others that have a volume are named; the environment's own are stopping", () => {
  const Mounts = [
    { Name: "other", Destination: "/x" },
    { Name: "dev_data", Destination: "/data" },
  ];
  const task = (namespace: string, name: string): object => ({
    "com.docker.swarm.task.id": "t1",
    "com.docker.swarm.service.name": name,
    "com.docker.stack.namespace": namespace,
  });
  const result = inTheWay(
    { "volume:Volume": "dev_data" },
    {
      "ps --all --quiet --filter volume=dev_data": "c1\nc2\nc3\n",
      "container inspect c1 c2 c3": JSON.stringify([
        { Name: "/backup", Config: { Image: "busybox:1" }, Mounts },
        { Name: "/prod.1", Config: { Image: "nginx:1@sha256:01", Labels: task("prod", "prod_web") }, Mounts },
        { Name: "/dev.1", Config: { Image: "nginx:1", Labels: task("dev", "dev_web") }, Mounts },
      ]),
    },
  );
  expect(result.code).toBe(1);
  expect(result.stderr).toBe(
    "stack dev: volume dev_data stays, because others use it:\n" +
      "  container backup (busybox:1) on node node1; free it: docker rm --force backup\n" +
      "  service prod_web (nginx:1); free it: docker service update --mount-rm /data prod_web\n" +
      THEN,
  );
});

test("nobody is in the way of a network that no container uses any more", () => {
  const unused = network({ Containers: null, Peers: null });
  expect(inTheWay(NETWORK_LEFT, unused)).toMatchObject({ code: 0, stderr: "" });
});

test("a volume keeps a destroy from ending that has left the swarm already", () => {
  const result = inTheWay(
    { "volume:Volume": "dev_data", ...NETWORK_LEFT },
    {
      [INFO]: "node1 inactive \n",
      "service ls --quiet": { fails: "This node is not a swarm manager." },
      "ps --all --quiet --filter volume=dev_data": "c1\n",
      "container inspect c1": JSON.stringify([
        { Name: "/backup", Config: { Image: "busybox:1" }, Mounts: [] },
      ]),
    },
  );
  expect(result.code).toBe(1);
  expect(result.stderr).toBe(
    "stack dev: volume dev_data stays, because others use it:\n" +
      "  container backup (busybox:1) on node node1; free it: docker rm --force backup\n" +
      THEN,
  );
});

test("this node itself, which the network names as a peer, is in nobody's way", () => {
  const Peers = [{ IP: "10.0.0.1" }];
  expect(inTheWay(NETWORK_LEFT, network({ Peers }))).toMatchObject({ code: 0, stderr: "" });
});

test("an engine that fails meanwhile is told in a sentence", () => {
  const result = inTheWay(NETWORK_LEFT, {
    "service ls --quiet": { fails: "Cannot connect to the Docker daemon" },
  });
  expect(result).toMatchObject({ code: 1, stdout: "" });
  expect(result.stderr).toBe(
    "stack dev: the Docker engine at unix:///run/test.sock says: Cannot connect to the Docker daemon\n" +
      "  Mend that, then run it again.\n",
  );
});
