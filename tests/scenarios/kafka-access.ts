import type { KafkaLab } from "../support/kafka";
import type { Result } from "../support/workspace";
import { cases, expectComplete, expectProduced, figures, produce, seconds } from "./kafka";

/** An `up` with a wrong address of the brokers: it says what clients got, and what to set. */
function expectRefused(lab: KafkaLab, address: string, says: string): void {
  lab.configure({ externalAddress: address });
  const start = Date.now();
  const { code, output } = lab.workspace.tool("stack.sh", "up");
  const took = Date.now() - start;
  figures.push(`up with the wrong address ${address}: ${seconds(took)}`);
  expect({ code: code !== 0, output }).toEqual({ code: true, output });
  for (const id of [1, 2, 3]) expect(output).toContain(`broker ${id} advertises ${address}:${9093 + id}`);
  expect(output).toContain(says);
  expect(output).toContain(
    "set externalAddress, or the broker's address in kafkaNodes, to one that clients outside reach",
  );
  // Still to be done.
  expect(lab.workspace.preview().map(({ resource }) => resource)).toContain(
    "command:local:Command kafka-cluster",
  );
  lab.up();
  expect(lab.workspace.preview()).toEqual([]);
}

export const address = cases(
  "an address that clients can't reach fails the up",
  [
    {
      name: "of a new cluster",
      run: (lab) => {
        lab.removeAll();
        expectRefused(lab, "10.255.0.1", "which can't be reached from here: ");
      },
    },
    {
      name: "of one that runs",
      run: (lab) =>
        expectRefused(lab, "no-such-host.invalid", "DNS: the name no-such-host.invalid can't be resolved"),
    },
  ],
  () => undefined,
);

const FIRST = "correct-horse-1";
const SECOND = "battery-staple-2";

export const login = cases("a login outside", [
  {
    name: "its password opens the outer listener alone, and never shows in clear",
    run: async (lab) => {
      const printed: string[] = [];
      const seen = (result: Result): Result => {
        printed.push(result.output);
        return result;
      };
      const up = (password: string): void => {
        lab.configure();
        seen(lab.workspace.pulumi("config", "set", "--secret", "--path", "kafkaUsers.alice", password));
        seen(lab.workspace.succeed("stack.sh", "preview"));
        seen(lab.workspace.succeed("stack.sh", "up"));
        expect(lab.workspace.preview()).toEqual([]);
      };
      const outside = (password?: string) => {
        const flags = ["roundtrip", "-count", "100", "-timeout", "20s"];
        const [user, env] =
          password === undefined ? [[], {}] : [["-user", "alice"], { PRODUCER_PASSWORD: password }];
        return lab.producer("outside", [...flags, ...user], env).ended();
      };
      const REFUSED = "auth: user or password are refused";

      up(FIRST);
      expect(await outside(FIRST)).toMatchObject({ code: 0 });
      expect(await outside(SECOND)).toMatchObject({
        code: 1,
        output: expect.stringContaining(REFUSED) as string,
      });
      expect(await outside()).toMatchObject({
        code: 1,
        output: expect.stringMatching(/does that Kafka listener want the same .*user and password/) as string,
      });
      await produce(lab, "inside", "orders", "logged-in");
      await expectComplete(lab, "inside", "orders", "logged-in");

      up(SECOND);
      expect(await outside(SECOND)).toMatchObject({ code: 0 });
      expect(await outside(FIRST)).toMatchObject({
        code: 1,
        output: expect.stringContaining(REFUSED) as string,
      });

      const ids = (kind: string): string[] => lab.engine.docker(kind, "ls", "--quiet").split("\n");
      const places = {
        printed: printed.join("\n"),
        state: lab.workspace.stateFile(),
        services: lab.engine.docker("service", "inspect", ...ids("service")),
        secrets: lab.engine.docker("secret", "inspect", ...ids("secret")),
        brokers: [1, 2, 3].map((id) => lab.engine.docker("inspect", lab.container(id))).join("\n"),
        logs: [1, 2, 3].map((id) => lab.engine.docker("logs", lab.container(id))).join("\n"),
      };
      for (const [place, text] of Object.entries(places)) {
        const found = [FIRST, SECOND].filter((password) => text.includes(password));
        expect({ place, found }).toEqual({ place, found: [] });
      }
      lab.up();
      expectProduced(
        await lab.run("outside", "produce", "-topic", "orders", "-prefix", "no-login", "-count", "100"),
        100,
      );
    },
  },
]);
