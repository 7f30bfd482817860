import { rolloutWaits } from "../scenarios/rollout-waits";
import { rest } from "../support/scenario";

rolloutWaits("rollout-waits-slow", rest);
