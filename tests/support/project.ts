export type { DeclaredKey } from "../../review/graph/stack-config";
export { asText, declaredConfig, PROJECT_DIR, readYaml, stackConfig } from "../../review/graph/stack-config";
