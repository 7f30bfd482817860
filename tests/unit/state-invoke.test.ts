import * as struct from "google-protobuf/google/protobuf/struct_pb";
import { ResourceInvokeResponse } from "@pulumi/pulumi/proto/resource_pb";
import { CheckFailure } from "@pulumi/pulumi/proto/provider_pb";
import { decodeInvoke } from "../../components/state-invoke";

/** As the engine answers. */
function answer(value: Record<string, unknown>): ResourceInvokeResponse {
  const response = new ResourceInvokeResponse();
  response.setReturn(struct.Struct.fromJavaScript(value as Record<string, struct.JavaScriptValue>));
  return response;
}

describe("answers of the engine's own functions", () => {
  test.each<[string, Record<string, unknown>]>([
    ["nothing", {}],
    ["values of each kind", { text: "a", none: null, yes: true, no: false, zero: 0, part: -1.5, empty: "" }],
    ["lists and maps in each other", { list: [[], {}, [1, { deep: ["ä", "日本"] }]], map: { map: {} } }],
    ["keys that are no plain words", { "urn:pulumi:dev::a::b$c::d": 1, fields: 2, kind: 3 }],
  ])("%s", (_, value) => {
    expect(decodeInvoke("f", answer(value).serializeBinary())).toEqual(value);
  });

  test("secrets come in clear, wherever they are", () => {
    const secret = (value: unknown) => ({
      "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
      value,
    });
    const bytes = answer({ a: secret("x"), list: [secret({ inner: secret("y") })] }).serializeBinary();
    expect(decodeInvoke("f", bytes)).toEqual({ a: "x", list: [{ inner: "y" }] });
  });

  test("what is refused is an error with all reasons", () => {
    const response = answer({});
    const failure = (property: string, reason: string) => {
      const one = new CheckFailure();
      one.setProperty(property);
      one.setReason(reason);
      return one;
    };
    response.setFailuresList([failure("stackName", "is empty"), failure("b", "unknown")]);
    expect(() => decodeInvoke("f", response.serializeBinary())).toThrow(
      "f failed: is empty (stackName); unknown (b)",
    );
  });
});
