import { nodes } from "../scenarios/nodes";
import { rest } from "../support/scenario";

nodes("nodes", rest);
