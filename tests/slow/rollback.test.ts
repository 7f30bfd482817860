import { rollbacks } from "../scenarios/rollback";
import { rest } from "../support/scenario";

rollbacks("rollback-rest", rest);
