import { registry } from "../scenarios/registry";
import { rest } from "../support/scenario";

registry("registry-slow", rest);
