import { rotation } from "../scenarios/rotation";
import { first } from "../support/scenario";

rotation(first);
