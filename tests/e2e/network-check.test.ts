import { networkCheck } from "../scenarios/network-check";
import { first } from "../support/scenario";

networkCheck(first);
