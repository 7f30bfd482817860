import { edgeTls } from "../scenarios/edge-tls";
import { rest } from "../support/scenario";

edgeTls("tls-slow", rest);
