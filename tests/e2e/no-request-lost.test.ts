import { noRequestLost } from "../scenarios/no-request-lost";
import { first } from "../support/scenario";

noRequestLost("lost", first);
