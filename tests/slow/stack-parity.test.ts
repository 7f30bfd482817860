import { stackParity } from "../scenarios/stack-parity";
import { rest } from "../support/scenario";

stackParity(rest);
