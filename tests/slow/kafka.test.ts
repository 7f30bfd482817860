import { kafka, listeners, outages, size } from "../scenarios/kafka";
import { address, login } from "../scenarios/kafka-access";
import { accounts } from "../scenarios/kafka-accounts";
import { backups } from "../scenarios/kafka-backup";
import { growth } from "../scenarios/kafka-growth";
import { topics } from "../scenarios/kafka-topics";
import { rest, Select } from "../support/scenario";

/** Of the classes that `make test` leaves out. */
const all: Select = (cases) => cases;

kafka("kafka", (lab) => {
  for (const cases of [growth, accounts, login, backups, size]) cases(lab, all);
  for (const cases of [listeners, outages, topics, address]) cases(lab, rest);
});
