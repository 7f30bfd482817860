import { engineFaults } from "../scenarios/engine-faults";
import { first } from "../support/scenario";

engineFaults("engine-faults", first);
