import { rolloutFaults } from "../scenarios/rollout-faults";
import { first } from "../support/scenario";

rolloutFaults("rollout-faults", first);
