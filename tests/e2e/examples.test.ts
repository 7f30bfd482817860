import { examples } from "../scenarios/examples";

examples({ quick: true });
