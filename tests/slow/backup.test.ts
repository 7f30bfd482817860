import { backupAndRestore } from "../scenarios/backup";
import { rest } from "../support/scenario";

backupAndRestore(rest);
