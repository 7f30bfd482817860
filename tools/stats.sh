#!/usr/bin/env bash
# What the services use while they run: DURATION (load/stats.ts; STACK, default dev).
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/env.sh
. tools/env.sh
exec node --import ./tools/typescript.mjs load/stats.ts
