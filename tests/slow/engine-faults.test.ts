import { engineFaults } from "../scenarios/engine-faults";
import { rest } from "../support/scenario";

engineFaults("engine-faults-slow", rest);
