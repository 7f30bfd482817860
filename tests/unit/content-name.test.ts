import { contentHash, contentName, keyedHash } from "../../components/content-name";

test("a hash is the first 12 hex digits of the content's SHA-256", () => {
  // echo -n abc | sha256sum
  expect(contentHash("abc")).toBe("ba7816bf8f01");
  expect(contentHash(Buffer.from("abc"))).toBe("ba7816bf8f01");
});

test("a keyed hash depends on key and content", () => {
  // echo -n content | openssl dgst -sha256 -hmac key
  expect(keyedHash("key", "content")).toBe("8cd8aeca06e9");
  expect(keyedHash("key2", "content")).not.toBe(keyedHash("key", "content"));
  expect(keyedHash("key", "content2")).not.toBe(keyedHash("key", "content"));
  expect(keyedHash("key", "content")).not.toBe(contentHash("content"));
});

test("a name is made of namespace, name and hash", () => {
  expect(contentName("dev", "nginx-conf", "ba7816bf8f01", [])).toBe("dev_nginx-conf-ba7816bf8f01");
});

test("a name leaves room for a suffix, and no more", () => {
  const name = (length: number): string => contentName("dev", "n".repeat(length), "ba7816bf8f01", []);
  expect(name(45)).toHaveLength(62);
  expect(() => name(46)).toThrow(
    new RangeError(
      `name "dev_${"n".repeat(46)}-ba7816bf8f01"; allowed: at most 62 of A-Z, a-z, 0-9, ".", "_" and "-";` +
        ` do: shorten "${"n".repeat(46)}"`,
    ),
  );
});

test.each(["a b", "a/b", "ä", "a\n"])("a name with other characters is refused: %j", (name) => {
  expect(() => contentName("dev", name, "ba7816bf8f01", [])).toThrow(RangeError);
});

describe("a name that is taken", () => {
  const [good, bad, other] = ["ba7816bf8f01", "000000000bad", "00000000beef"];
  /** What is on the swarm, oldest first. */
  const there = (...names: string[]) =>
    names.map((name, i) => ({ name, createdAt: `2026-01-01T00:00:0${i}.5Z` }));
  const name = (hash: string, ...names: string[]): string =>
    contentName("dev", "conf", hash, there(...names).reverse());

  test("by the newest object is that object's", () => {
    expect(name(good, `dev_conf-${bad}`, `dev_conf-${good}`)).toBe(`dev_conf-${good}`);
    expect(name(good, `dev_conf-${good}`, `dev_conf-${bad}`, `dev_conf-${good}-2`)).toBe(
      `dev_conf-${good}-2`,
    );
  });

  test("by an older object, which is still to be deleted, gets the next number", () => {
    expect(name(good, `dev_conf-${good}`, `dev_conf-${bad}`)).toBe(`dev_conf-${good}-2`);
    const three = [`dev_conf-${good}`, `dev_conf-${bad}`, `dev_conf-${good}-2`, `dev_conf-${other}`];
    expect(name(good, ...three)).toBe(`dev_conf-${good}-3`);
  });

  test("is that of an object with the same name only", () => {
    const others = [`dev_conf-${good}x`, `dev_conf-by-hand`, `dev_conf-extra-${good}`, `prod_conf-${good}`];
    expect(name(good, ...others, `dev_conf-${bad}`)).toBe(`dev_conf-${good}`);
  });
});
