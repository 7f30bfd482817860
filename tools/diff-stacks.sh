#!/usr/bin/env bash
# diff-stacks.mjs, with the Node and the packages that it needs.
set -euo pipefail
cd "$(dirname "$0")/.."
DOCKER_HOST=${DOCKER_HOST:-unix:///nowhere} # none is asked
# shellcheck source=tools/env.sh
. tools/env.sh
exec node --import ./tools/typescript.mjs tools/diff-stacks.mjs "$@"
