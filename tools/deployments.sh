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
exec node --import ./tools/typescript.mjs tools/deployments.mjs "$@"
