import * as pulumi from "@pulumi/pulumi";
import { keepNewestTags, LocalTag, surplusTags } from "../../components/images/image-retention";
import { ApiAnswer, ApiFault, FakeEngine } from "../support/fake-engine";

describe("surplus tags", () => {
  const tag = (name: string, created: number): LocalTag => ({ reference: `api:${name}`, created });
  const tags = [tag("c", 3), tag("a", 1), tag("d", 4), tag("b", 2)];

  test.each<[string, string, string[], number, string[]]>([
    ["all but the newest go, the oldest last in the list", "api:d", [], 2, ["api:b", "api:a"]],
    ["one kept is the current one alone", "api:d", [], 1, ["api:c", "api:b", "api:a"]],
    ["as many kept as there are", "api:d", [], 4, []],
    ["more kept than there are", "api:d", [], 20, []],
    ["the current tag stays though it is the oldest", "api:a", [], 2, ["api:c", "api:b"]],
    ["what a service uses stays beyond the number", "api:d", ["api:a"], 2, ["api:b"]],
    ["what a service uses takes no place from the newest", "api:d", ["api:c"], 2, ["api:b", "api:a"]],
  ])("%s", (_what, current, used, kept, surplus) => {
    expect(surplusTags(tags, current, new Set(used), kept)).toEqual(surplus);
  });
});

describe("the hook after a build", () => {
  const REPOSITORY = "registry.example.com:5000/team/api";
  const spec = (Image: string) => ({ TaskTemplate: { ContainerSpec: { Image } } });
  const image = (Created: number, ...tags: string[]) => ({
    Created,
    RepoTags: tags.map((tag) => `${REPOSITORY}:${tag}`),
  });

  /** Runs the hook for tag new against an engine that answers so; returns what it removed and its warnings. */
  async function run(
    answers: Record<string, ApiAnswer>,
    kept = 1,
  ): Promise<{ removed: string[]; warnings: string[]; filters: unknown }> {
    const warnings: string[] = [];
    const warn = jest.spyOn(pulumi.log, "warn").mockImplementation((message) => {
      warnings.push(message);
      return Promise.resolve();
    });
    const engine = new FakeEngine(
      ({ route }) => answers[route] ?? (route.startsWith("DELETE") ? [] : undefined),
    );
    await keepNewestTags(
      await engine.listen(),
      kept,
    )({
      urn: "urn",
      id: "id",
      name: "api",
      type: "docker:index/remoteImage:RemoteImage",
      newOutputs: { name: `${REPOSITORY}:new` },
    });
    await engine.close();
    warn.mockRestore();
    const removed = engine.requests.flatMap(({ route }) => /^DELETE \/images\/(.*)$/.exec(route)?.[1] ?? []);
    const asked = engine.requests.find(({ route }) => route === "GET /images/json");
    return { removed, warnings, filters: JSON.parse(asked?.query.get("filters") ?? "null") };
  }

  const images = [
    image(1, "oldest"),
    image(4, "new"),
    image(2, "old", "older"),
    { Created: 0, RepoTags: null },
  ];

  test("removes the surplus tags of the same repository, by name and not by force", async () => {
    const { removed, warnings, filters } = await run({ "GET /images/json": images, "GET /services": [] }, 2);
    expect(filters).toEqual({ reference: [`${REPOSITORY}:*`] });
    expect(removed).toEqual([`${REPOSITORY}:older`, `${REPOSITORY}:oldest`]);
    expect(warnings).toEqual([]);
  });

  test("keeps what a service runs and what it would roll back to, pinned by digest or not", async () => {
    const services = [
      {
        Spec: spec(`${REPOSITORY}:old@sha256:${"0".repeat(64)}`),
        PreviousSpec: spec(`${REPOSITORY}:oldest`),
      },
      { Spec: spec("another:1") },
    ];
    const { removed } = await run({ "GET /images/json": images, "GET /services": services });
    expect(removed).toEqual([`${REPOSITORY}:older`]);
  });

  test("works on an engine in no swarm", async () => {
    const { removed, warnings } = await run({
      "GET /images/json": images,
      "GET /services": new ApiFault(503, "This node is not a swarm manager."),
    });
    expect(removed).toHaveLength(3);
    expect(warnings).toEqual([]);
  });

  test.each([404, 409])("goes on when a tag is refused with %d", async (status) => {
    const { removed, warnings } = await run({
      "GET /images/json": images,
      "GET /services": [],
      [`DELETE /images/${REPOSITORY}:old`]: new ApiFault(status, "in use"),
    });
    expect(removed).toHaveLength(3);
    expect(warnings).toEqual([]);
  });

  test("never fails a build: any other refusal is a warning", async () => {
    const { warnings } = await run({ "GET /images/json": new ApiFault(500, "disk on fire") });
    expect(warnings).toEqual([
      expect.stringMatching(
        /^Old tags of registry\.example\.com:5000\/team\/api:new could not be removed: .*disk on fire/,
      ),
    ]);
  });
});
