import { registry } from "../scenarios/registry";
import { first } from "../support/scenario";

registry("registry", first);
