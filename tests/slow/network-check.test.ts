import { networkCheck } from "../scenarios/network-check";
import { rest } from "../support/scenario";

networkCheck(rest);
