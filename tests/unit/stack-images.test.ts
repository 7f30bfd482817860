import * as fs from "node:fs";
import * as path from "node:path";
import { stackImages } from "../../tools/stack-images";
import { tempFolder } from "../support/temp";

const PROJECT = `config:
  goImage: { default: "golang:1" }
  nginxImage: { default: "nginx:1" }
  kafkaImage: { default: "kafka:1" }
  registryImage: { default: "registry:1" }
  registry: { default: "" }
  platform: { default: true }
  stacks: { default: [] }
`;
const STACK_FILE = `
services:
  web: { build: { context: web, args: { BASE: "alpine:3" } } }
  a: { image: "redis:\${TAG}" }
  b: { image: "redis:7" }
`;
const DOCKERFILE = `ARG GO=golang:1.26
ARG BASE
FROM --platform=linux/amd64 \${GO} AS build
FROM build AS test
FROM $BASE
FROM $UNKNOWN
FROM scratch
`;

const home = process.cwd();
afterEach(() => process.chdir(home));

function images(settings: string): ReturnType<typeof stackImages> {
  const folder = tempFolder();
  fs.mkdirSync(path.join(folder, "web"));
  fs.writeFileSync(path.join(folder, "web/Dockerfile"), DOCKERFILE);
  fs.writeFileSync(path.join(folder, "stack.yml"), STACK_FILE);
  fs.writeFileSync(path.join(folder, "Pulumi.yaml"), PROJECT);
  fs.writeFileSync(path.join(folder, "Pulumi.dev.yaml"), settings);
  process.chdir(folder);
  return stackImages("dev");
}

test("the platform's, by the key that names them", () => {
  expect(images("config: { swarm-platform:nginxImage: nginx:2, swarm-platform:registry: builtin }")).toEqual({
    platform: [
      { key: "goImage", image: "golang:1" },
      { key: "nginxImage", image: "nginx:2" },
      { key: "kafkaImage", image: "kafka:1" },
      { key: "registryImage", image: "registry:1" },
    ],
    files: [],
  });
});

test("those of stack files, by the services that run them, and what builds start from", () => {
  const stacks = '[{ name: shop, files: [stack.yml], env: { TAG: "7", PASSWORD: { secure: AAAA } } }]';
  const shop = { stack: "shop", at: 0 };
  const { platform, files } = images(
    `config: { swarm-platform:platform: "false", swarm-platform:stacks: ${stacks} }`,
  );
  expect(platform).toEqual([]);
  expect(files).toEqual([
    { ...shop, services: ["a", "b"], image: "redis:7" },
    { ...shop, services: [], image: "golang:1.26" },
    { ...shop, services: [], image: "alpine:3" },
  ]);
});
