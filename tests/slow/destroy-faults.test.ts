import { destroyFaults } from "../scenarios/destroy-faults";
import { rest } from "../support/scenario";

destroyFaults("destroy-faults-slow", rest);
