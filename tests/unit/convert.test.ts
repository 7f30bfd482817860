import { convertNetwork, convertService, convertVolume } from "../../components/compose/convert";
import { loadStackFiles } from "../../components/compose/stack-file/load";
import { serviceSpec } from "../../components/compose/provider/shown-spec";
import { tempFolder } from "../support/temp";

function load(text: string) {
  const folder = tempFolder({ "stack.yml": text });
  return loadStackFiles({ files: ["stack.yml"], env: {}, folder });
}

/** The spec of the service called web, as it is sent. */
function specOf(text: string): unknown {
  const file = load(text);
  const web = file.services.get("web");
  if (web === undefined) throw new Error("no web");
  return serviceSpec(convertService({ namespace: "shop", file }, web, web.image ?? ""));
}

const LABELS = { "com.docker.stack.namespace": "shop" };
/** What docker stack deploy sends of a service that says nothing but its image. */
const BARE = {
  Name: "shop_web",
  Labels: { "com.docker.stack.image": "busybox", ...LABELS },
  TaskTemplate: {
    ContainerSpec: { Image: "busybox", Labels: LABELS, Privileges: {} },
    Resources: {},
    Placement: {},
    Networks: [{ Target: "shop_default", Aliases: ["web"] }],
  },
  Mode: { Replicated: {} },
  EndpointSpec: {},
};

test("a service that says nothing gets nothing but what belongs to the stack", () => {
  expect(specOf("services: { web: { image: busybox } }")).toEqual(BARE);
});

test.each([
  ["replicated", { replicas: 3 }, { Replicated: { Replicas: 3 } }],
  ["global", {}, { Global: {} }],
  ["replicated-job", { replicas: 2 }, { ReplicatedJob: { MaxConcurrent: 2, TotalCompletions: 2 } }],
  ["global-job", {}, { GlobalJob: {} }],
])("mode %s", (mode, rest, Mode) => {
  const deploy = JSON.stringify({ mode, ...rest });
  expect(specOf(`services: { web: { image: busybox, deploy: ${deploy} } }`)).toMatchObject({ Mode });
});

test("configs and secrets have the names of docker stack deploy, in their order", () => {
  const spec = specOf(`
services:
  web:
    image: busybox
    configs: [z, { source: a, target: /etc/a, uid: "5", mode: 0400 }]
    secrets: [own]
configs: { a: { content: x }, z: { content: y } }
secrets: { own: { external: true, name: theirs } }
`);
  expect(spec).toMatchObject({
    TaskTemplate: {
      ContainerSpec: {
        Configs: [
          { ConfigName: "shop_a", File: { Name: "/etc/a", UID: "5", GID: "0", Mode: 0o400 } },
          { ConfigName: "shop_z", File: { UID: "0", GID: "0", Mode: 0o444 } },
        ],
        Secrets: [{ SecretName: "theirs", File: { Name: "own", UID: "0", GID: "0", Mode: 0o444 } }],
      },
    },
  });
});

test("mounts of volumes carry the volume's labels and driver", () => {
  const spec = specOf(`
services:
  web:
    image: busybox
    volumes: ["data:/data", "theirs:/theirs", "/tmp:/host:ro", { type: tmpfs, target: /t, tmpfs: { size: 1m } }]
volumes:
  data: { driver: local, driver_opts: { type: tmpfs }, labels: { a: b } }
  theirs: { external: true }
`);
  expect(spec).toMatchObject({
    TaskTemplate: {
      ContainerSpec: {
        Mounts: [
          {
            Type: "volume",
            Source: "shop_data",
            Target: "/data",
            VolumeOptions: {
              Labels: { a: "b", ...LABELS },
              DriverConfig: { Name: "local", Options: { type: "tmpfs" } },
            },
          },
          { Type: "volume", Source: "theirs", Target: "/theirs", VolumeOptions: {} },
          { Type: "bind", Source: "/tmp", Target: "/host", ReadOnly: true },
          { Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 2 ** 20 } },
        ],
      },
    },
  });
});

test("networks and volumes", () => {
  const { networks, volumes } = load(`
services: { web: { image: busybox, networks: [back] } }
networks:
  back: { attachable: true, driver_opts: { encrypted: "" }, ipam: { config: [{ subnet: 10.7.0.0/24 }] } }
volumes: { data: { name: own, labels: { a: b } } }
`);
  expect(convertNetwork("shop", "default", undefined)).toEqual({
    Name: "shop_default",
    Labels: LABELS,
    Driver: "overlay",
  });
  expect(convertNetwork("shop", "back", networks.get("back"))).toEqual({
    Name: "shop_back",
    Labels: LABELS,
    Driver: "overlay",
    Options: { encrypted: "" },
    Attachable: true,
    IPAM: { Config: [{ Subnet: "10.7.0.0/24" }] },
  });
  const data = volumes.get("data");
  expect(data && convertVolume("shop", data)).toEqual({
    Name: "own",
    Labels: { a: "b", ...LABELS },
    Driver: "local",
  });
});
