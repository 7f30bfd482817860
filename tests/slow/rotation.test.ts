import { rotation } from "../scenarios/rotation";
import { rest } from "../support/scenario";

rotation(rest);
