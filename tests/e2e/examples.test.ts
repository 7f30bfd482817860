import { examples } from "../scenarios/examples";
import { first } from "../support/scenario";

examples(first);
