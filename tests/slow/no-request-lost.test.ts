import { noRequestLost } from "../scenarios/no-request-lost";
import { rest } from "../support/scenario";

noRequestLost("lost-slow", rest);
