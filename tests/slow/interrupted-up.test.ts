import { interruptedUp } from "../scenarios/interrupted-up";
import { rest } from "../support/scenario";

interruptedUp("interrupted-up-slow", rest);
