#!/usr/bin/env bash
# Writes what a deployment would change, for reviewers:  report.sh [--stack NAME] [--basis live|recorded|graph] [--against REF]
# More of it in docs/review.md. Exit codes: 0 no change, 2 changes, 3 dangerous changes, 1 failed.
set -euo pipefail
cd "$(dirname "$0")/.."
stack=${STACK:-dev}
for ((i = 1; i <= $#; i++)); do
  case ${!i} in
  --stack) next=$((i + 1)) && stack=${!next:-} ;;
  --stack=*) stack=${!i#*=} ;;
  esac
done
# The stack's own engine and state.
export STACK=$stack
# shellcheck source=tools/env.sh
. tools/env.sh
exec node --import ./tools/typescript.mjs review/main.ts "$@"
