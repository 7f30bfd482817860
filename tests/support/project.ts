export type { DeclaredKey } from "../../review/graph/stack-config";
export { declaredConfig, PROJECT_DIR, stackConfig } from "../../review/graph/stack-config";
export { asText } from "../../tools/stack-file";
