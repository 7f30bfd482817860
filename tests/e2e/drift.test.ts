import { drift } from "../scenarios/drift";
import { first } from "../support/scenario";

drift(first);
