import { kafka, listeners, outages } from "../scenarios/kafka";
import { address } from "../scenarios/kafka-access";
import { topics } from "../scenarios/kafka-topics";
import { first } from "../support/scenario";

// The first one makes the cluster.
kafka("kafka", (lab) => {
  for (const cases of [address, listeners, outages, topics]) cases(lab, first);
});
