import { destroyFaults } from "../scenarios/destroy-faults";
import { first } from "../support/scenario";

destroyFaults("destroy-faults", first);
