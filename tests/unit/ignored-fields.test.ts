import { ignoredFields, withIgnored } from "../../components/compose/provider/ignored-fields";

const declared = {
  Name: "shop_web",
  OomScoreAdj: 100,
  Healthcheck: { Test: ["CMD", "true"], StartInterval: "5s" },
  Mounts: [{ Target: "/a" }, { Target: "/b", Consistency: "cached" }],
  Labels: { "a.b": "1" },
};
const seen = {
  Name: "shop_web",
  Healthcheck: { Test: ["CMD", "true"] },
  Mounts: [{ Target: "/a" }, { Target: "/b" }],
  Labels: {},
};
const paths = ["OomScoreAdj", "Healthcheck.StartInterval", "Mounts[1].Consistency", 'Labels["a.b"]'];

test("fields that the engine has not kept are named by path, others that differ are not", () => {
  expect(ignoredFields(seen, declared).sort()).toEqual([...paths].sort());
  expect(ignoredFields({ ...seen, Name: "other", Init: true }, { Name: "shop_web" })).toEqual([]);
});

test("they are taken for there as they were declared", () => {
  expect(withIgnored(seen, declared, paths)).toEqual(declared);
  expect(seen.Mounts[1]).toEqual({ Target: "/b" });
});

test("what is there counts, and what has nowhere to be is left out", () => {
  const other = { Name: "shop_web", OomScoreAdj: 5, Mounts: [{ Target: "/a" }] };
  expect(withIgnored(other, declared, paths)).toEqual(other);
  expect(withIgnored(seen, {}, paths)).toEqual(seen);
});
