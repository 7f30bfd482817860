import { Change, differences } from "../../components/compose/provider/differences";

const WORDS = new Map(Object.entries(Change).map(([word, number]) => [number, word]));
const found = (olds: object, news: object): object =>
  Object.fromEntries(
    [...differences(olds as never, news as never)].map(([path, change]) => [path, WORDS.get(change)]),
  );

test("each property that differs is named alone", () => {
  const olds = {
    Image: "web:1",
    Env: { LOG: "info", MODE: "a" },
    Labels: { "com.example.a": "1" },
    Resources: { Limits: { MemoryBytes: "32MiB", NanoCPUs: 1 } },
  };
  const news = {
    Image: "web:1",
    Env: { LOG: "debug", EXTRA: "yes" },
    Labels: { "com.example.a": "2" },
    Resources: { Limits: { MemoryBytes: "64MiB", NanoCPUs: 1 } },
    Init: false,
  };
  expect(found(olds, news)).toEqual({
    "Env.LOG": "Update",
    "Env.MODE": "Delete",
    "Env.EXTRA": "Add",
    'Labels["com.example.a"]': "Update",
    "Resources.Limits.MemoryBytes": "Update",
    Init: "Add",
  });
});

test("what the engine takes for granted is no difference", () => {
  const news = { Mode: { Replicated: { Replicas: 1 } }, TTY: false };
  expect(found({ Mode: { Replicated: {} } }, news)).toEqual({});
});

test("lists of objects of one length by their place, other lists as a whole", () => {
  const mount = (Target: string): object => ({ Type: "volume", Source: "data", Target });
  expect(found({ Mounts: [mount("/a"), mount("/b")] }, { Mounts: [mount("/a"), mount("/c")] })).toEqual({
    "Mounts[1].Target": "Update",
  });
  expect(found({ Mounts: [mount("/a")] }, { Mounts: [mount("/a"), mount("/c")] })).toEqual({
    Mounts: "Update",
  });
  expect(found({ Args: ["sleep", "1"] }, { Args: ["sleep", "2"] })).toEqual({ Args: "Update" });
});

test("an empty variable is named as what it belongs to", () => {
  expect(found({ Env: { A: "1" } }, { Env: { A: "1", B: "" } })).toEqual({ Env: "Update" });
});
