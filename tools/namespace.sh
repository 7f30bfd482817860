#!/usr/bin/env bash
# Prints the prefix of the stack's names on the swarm (STACK, default dev).
set -euo pipefail
cd "$(dirname "$0")/.."
stack=${STACK:-dev}
configured=$(sed -n 's/^ *swarm-platform:namespace: *//p' "Pulumi.$stack.yaml" | tr -d "\"'")
echo "${configured:-$stack}"
