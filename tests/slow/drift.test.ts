import { drift } from "../scenarios/drift";
import { rest } from "../support/scenario";

drift(rest);
