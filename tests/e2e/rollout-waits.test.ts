import { rolloutWaits } from "../scenarios/rollout-waits";
import { first } from "../support/scenario";

rolloutWaits("rollout-waits", first);
