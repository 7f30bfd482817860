import { BROKER_PROPERTIES } from "../../components/kafka/kafka-property";
import {
  envFaults,
  envKey,
  envProperty,
  listenerNames,
  settingsFaults,
} from "../../components/kafka/kafka-settings";

const LISTENERS = "INTERNAL://:19092,CONTROLLER://:9093,EXTERNAL://:9094";
const KNOWN = "those under broker in components/kafka/kafka-properties.json";

describe("a variable of the image", () => {
  test.each([
    ["log.dirs", "KAFKA_LOG_DIRS"],
    ["a_b", "KAFKA_A__B"],
    [
      "listener.name.external.scram-sha-512.sasl.jaas.config",
      "KAFKA_LISTENER_NAME_EXTERNAL_SCRAM___SHA___512_SASL_JAAS_CONFIG",
    ],
  ])("%s is %s", (property, key) => {
    expect(envKey(property)).toBe(key);
  });

  test("goes back to the property, for each that a broker has", () => {
    const names = [...BROKER_PROPERTIES.keys(), "listener.name.my_listener-2.ssl.client.auth"];
    expect(names.map((name) => envProperty(envKey(name)))).toEqual(names);
  });

  test.each(["KAFKA_HEAP_OPTS", "KAFKA_OPTS", "KAFKA_LOG4J_LOGGERS", "CLUSTER_ID"])(
    "%s is no property",
    (key) => {
      expect(envProperty(key)).toBeUndefined();
    },
  );
});

test.each([
  [LISTENERS, ["INTERNAL", "CONTROLLER", "EXTERNAL"]],
  [" A://:1 , B_2://x:2", ["A", "B_2"]],
  ["", []],
])("listeners of %j", (value, names) => {
  expect(listenerNames(value)).toEqual(names);
});

describe("a broker's environment", () => {
  const good = {
    CLUSTER_ID: "2wJma9ToR_Wkt35CT_kVFA",
    TZ: "UTC",
    KAFKA_HEAP_OPTS: "-Xmx384m",
    KAFKA_OPTS: "-Dx=y",
    KAFKA_JMX_PORT: "9999",
    KAFKA_JMX_OPTS: "-Dcom.sun.management.jmxremote",
    KAFKA_JVM_PERFORMANCE_OPTS: "-XX:+UseG1GC",
    KAFKA_GC_LOG_OPTS: "-Xlog:gc",
    KAFKA_LOG4J_ROOT_LOGLEVEL: "WARN",
    KAFKA_NODE_ID: "1",
    KAFKA_PROCESS_ROLES: "broker,controller",
    KAFKA_LISTENERS: LISTENERS,
    KAFKA_SUPER_USERS: "User:admin",
    KAFKA_LISTENER_NAME_EXTERNAL_SSL_CLIENT_AUTH: "none",
    KAFKA_LISTENER_NAME_EXTERNAL_SCRAM___SHA___512_SASL_JAAS_CONFIG: "x required;",
    KAFKA_RSM_CONFIG_BUCKET: "cold",
  };

  test("without a fault", () => {
    expect(envFaults(good)).toEqual([]);
  });

  test.each<[string, string, string]>([
    [
      "KAFKA_DEFUALT_REPLICATION_FACTOR",
      "3",
      '= "3": defualt.replication.factor is not a broker property of Kafka 4.3.1;' +
        ` allowed: ${KNOWN}, perhaps KAFKA_DEFAULT_REPLICATION_FACTOR; do: correct the name`,
    ],
    [
      "KAFKA_HEAP_OPT",
      "-Xmx1g",
      `= "-Xmx1g": heap.opt is not a broker property of Kafka 4.3.1; allowed: ${KNOWN}, perhaps KAFKA_HEAP_OPTS; do: correct the name`,
    ],
    [
      "KAFKA_SCRAM_SHA",
      "1",
      `= "1": scram.sha is not a broker property of Kafka 4.3.1; allowed: ${KNOWN}; do: correct the name`,
    ],
    [
      "CLUSTERID",
      "x",
      '= "x": not used by the image; allowed: KAFKA_*, CLUSTER_ID and TZ, perhaps CLUSTER_ID; do: correct the name',
    ],
    [
      "COLOUR",
      "red",
      '= "red": not used by the image; allowed: KAFKA_*, CLUSTER_ID and TZ; do: correct the name',
    ],
    [
      "KAFKA_BROKER_ID",
      "one",
      '= "one"; allowed: a whole number from -2147483648 to 2147483647; do: correct the value',
    ],
    [
      "KAFKA_LISTENER_NAME_EXTRENAL_SSL_CLIENT_AUTH",
      "none",
      '= "none": listener.name.extrenal.ssl.client.auth is not of a declared listener; allowed: listener.name.internal.*,' +
        " listener.name.controller.*, listener.name.external.*; do: correct the name",
    ],
    [
      "KAFKA_LISTENER_NAME_EXTERNAL_SSL_CLIENT_AUHT",
      "none",
      '= "none": listener.name.external.ssl.client.auht is not a broker property of Kafka 4.3.1;' +
        ` allowed: ${KNOWN}, perhaps KAFKA_LISTENER_NAME_EXTERNAL_SSL_CLIENT_AUTH; do: correct the name`,
    ],
    [
      "KAFKA_LISTENER_NAME_EXTERNAL_SSL_CLIENT_AUTH",
      "no",
      '= "no"; allowed: none, requested, required; do: correct the value',
    ],
    [
      "KAFKA_LISTENER_NAME_EXTERNAL_SCRAM___SHA___512_SASL_JAAS_CNFIG",
      "pass",
      "= (hidden): listener.name.external.scram-sha-512.sasl.jaas.cnfig is not a broker property of Kafka 4.3.1;" +
        ` allowed: ${KNOWN}, perhaps KAFKA_LISTENER_NAME_EXTERNAL_SCRAM___SHA___512_SASL_JAAS_CONFIG; do: correct the name`,
    ],
    [
      "KAFKA_LISTENER_NAME_EXTERNAL_SSL_KEYSTORE_KYE",
      "pem",
      "= (hidden): listener.name.external.ssl.keystore.kye is not a broker property of Kafka 4.3.1;" +
        ` allowed: ${KNOWN}, perhaps KAFKA_LISTENER_NAME_EXTERNAL_SSL_KEYSTORE_KEY; do: correct the name`,
    ],
  ])("%s = %s", (key, value, fault) => {
    expect(envFaults({ ...good, [key]: value })).toEqual([`${key} ${fault}`]);
  });

  test("without listeners has none to set anything for", () => {
    expect(envFaults({ KAFKA_LISTENER_NAME_A_MAX_CONNECTIONS: "1" })).toEqual([
      'KAFKA_LISTENER_NAME_A_MAX_CONNECTIONS = "1": listener.name.a.max.connections is not of a declared listener;' +
        " allowed: none, there is no listener; do: correct the name",
    ]);
  });
});

describe("the settings of a stack", () => {
  const owned = new Map([
    ["listeners", "kafkaPort"],
    ["node.id", undefined],
    ["sasl.enabled.mechanisms", undefined],
  ]);
  const faults = (settings: unknown): string[] => settingsFaults(settings, owned, ["INTERNAL", "EXTERNAL"]);
  const rm = (property: string): string => `do: pulumi config rm --path 'kafkaSettings["${property}"]'`;

  test("without a fault", () => {
    expect(
      faults({
        "log.retention.hours": "24",
        "num.io.threads": 4,
        "auto.create.topics.enable": false,
        "listener.name.external.max.connections": 100,
        "rsm.config.bucket": "cold",
      }),
    ).toEqual([]);
  });

  test("all faults at once", () => {
    expect(
      faults({
        "log.retention.huors": "24",
        listeners: "A://:1",
        "node.id": 7,
        "listener.name.external.sasl.enabled.mechanisms": "PLAIN",
        "num.io.threads": "many",
        "log.retention.ms": null,
        "rsm.config.bucket": {},
        "listener.name.extern.max.connections": 1,
        colour: "red",
        "ssl.keystore.pasword": "hunter2",
      }),
    ).toEqual([
      `kafkaSettings["log.retention.huors"] = "24": not a broker property of Kafka 4.3.1; allowed: ${KNOWN}, perhaps log.retention.hours; ${rm("log.retention.huors")}`,
      `kafkaSettings["listeners"] = "A://:1": set by the platform from kafkaPort; allowed: other properties; ${rm("listeners")} && pulumi config set kafkaPort <value>`,
      `kafkaSettings["node.id"] = 7: set by the platform; allowed: other properties; ${rm("node.id")}`,
      `kafkaSettings["listener.name.external.sasl.enabled.mechanisms"] = "PLAIN": set by the platform; allowed: other properties; ${rm("listener.name.external.sasl.enabled.mechanisms")}`,
      `kafkaSettings["num.io.threads"] = "many"; allowed: a whole number from 1 to 2147483647; do: pulumi config set --path 'kafkaSettings["num.io.threads"]' <value>`,
      `kafkaSettings["log.retention.ms"] = null; allowed: text, a number, true or false; do: pulumi config set --path 'kafkaSettings["log.retention.ms"]' <value>`,
      `kafkaSettings["rsm.config.bucket"] = {}; allowed: text, a number, true or false; do: pulumi config set --path 'kafkaSettings["rsm.config.bucket"]' <value>`,
      `kafkaSettings["listener.name.extern.max.connections"] = 1: not of a declared listener; allowed: listener.name.internal.*, listener.name.external.*; ${rm("listener.name.extern.max.connections")}`,
      `kafkaSettings["colour"] = "red": not a broker property of Kafka 4.3.1; allowed: ${KNOWN}; ${rm("colour")}`,
      `kafkaSettings["ssl.keystore.pasword"] = (hidden): not a broker property of Kafka 4.3.1; allowed: ${KNOWN}, perhaps ssl.keystore.password; ${rm("ssl.keystore.pasword")}`,
    ]);
  });

  test.each([[[]], ["x"], [null]])("%j is not what they look like", (settings) => {
    expect(faults(settings)).toEqual([
      `kafkaSettings = ${JSON.stringify(settings)}; allowed: values by property, such as {"log.retention.hours":"24"};` +
        ` do: pulumi config set --path 'kafkaSettings["log.retention.hours"]' 24`,
    ]);
  });
});
