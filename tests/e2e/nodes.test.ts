import { nodes } from "../scenarios/nodes";
import { first } from "../support/scenario";

nodes("nodes", first);
