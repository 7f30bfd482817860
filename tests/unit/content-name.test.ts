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
  expect(contentName("dev", "nginx-conf", "ba7816bf8f01")).toBe("dev_nginx-conf-ba7816bf8f01");
});

test("a name may be 64 characters long, and no longer", () => {
  const name = (length: number): string => contentName("dev", "n".repeat(length), "ba7816bf8f01");
  expect(name(47)).toHaveLength(64);
  expect(() => name(48)).toThrow(
    new RangeError(
      `name "dev_${"n".repeat(48)}-ba7816bf8f01"; allowed: at most 64 of A-Z, a-z, 0-9, ".", "_" and "-";` +
        ` do: shorten "${"n".repeat(48)}"`,
    ),
  );
});

test.each(["a b", "a/b", "ä", "a\n"])("a name with other characters is refused: %j", (name) => {
  expect(() => contentName("dev", name, "ba7816bf8f01")).toThrow(RangeError);
});
