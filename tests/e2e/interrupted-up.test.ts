import { interruptedUp } from "../scenarios/interrupted-up";
import { first } from "../support/scenario";

interruptedUp("interrupted-up", first);
