#!/usr/bin/env bash
# Users who ask accountservice, and what the services use meanwhile: USERS, DURATION, BASE_URL (load/main.ts; STACK, default dev).
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/env.sh
. tools/env.sh
exec node --import ./tools/typescript.mjs load/main.ts
