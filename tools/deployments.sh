#!/usr/bin/env bash
# deployments.mjs, with the environment that it needs.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/env.sh
. tools/env.sh || {
  # The record can be read without an engine.
  [ "${1:-}" = history ] || exit 1
  export DOCKER_HOST=unix:///nowhere
}
# It shares a TypeScript file with its tests, which Node reads as it is, with a warning on package.json.
exec node --disable-warning=MODULE_TYPELESS_PACKAGE_JSON tools/deployments.mjs "$@"
