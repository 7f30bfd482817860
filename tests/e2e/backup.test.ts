import { backupAndRestore } from "../scenarios/backup";
import { first } from "../support/scenario";

backupAndRestore(first);
