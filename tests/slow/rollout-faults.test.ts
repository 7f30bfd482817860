import { rolloutFaults } from "../scenarios/rollout-faults";
import { rest } from "../support/scenario";

rolloutFaults("rollout-faults-slow", rest);
