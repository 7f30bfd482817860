import { stackParity } from "../scenarios/stack-parity";
import { first } from "../support/scenario";

stackParity(first);
