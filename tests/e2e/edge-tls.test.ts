import { edgeTls } from "../scenarios/edge-tls";
import { first } from "../support/scenario";

edgeTls("tls", first);
