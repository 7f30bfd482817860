import { nearest } from "../../components/nearest";

test.each([
  ["retention.mss", "retention.ms"],
  ["retntion.ms", "retention.ms"],
  ["segment-ms", "segment.ms"],
  ["colour", undefined],
])("%s is perhaps %s", (name, meant) => {
  expect(nearest(name, ["retention.ms", "segment.ms"])).toBe(meant);
});
