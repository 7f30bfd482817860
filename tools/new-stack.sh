#!/usr/bin/env bash
# new-stack.mjs, with the Node and the packages that it needs; no engine and no passphrase.
set -euo pipefail
cd "$(dirname "$0")/.."
DOCKER_HOST=${DOCKER_HOST:-unix:///nowhere}
# shellcheck source=tools/env.sh
. tools/env.sh
exec node --import ./tools/typescript.mjs tools/new-stack.mjs "$@"
