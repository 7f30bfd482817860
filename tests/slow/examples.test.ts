import { examples } from "../scenarios/examples";
import { rest } from "../support/scenario";

examples(rest);
