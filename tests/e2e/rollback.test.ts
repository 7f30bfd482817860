import { rollbacks } from "../scenarios/rollback";
import { first } from "../support/scenario";

rollbacks("rollback", first);
