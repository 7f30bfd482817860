#!/usr/bin/env bash
# Prints the images that others build, as the stack names them (STACK, default dev); with `keys`, after the key of each.
set -euo pipefail
cd "$(dirname "$0")/.."
stack_file=Pulumi.${STACK:-dev}.yaml
keys="goImage nginxImage kafkaImage"
! grep -q '^ *swarm-platform:registry: *builtin' "$stack_file" || keys+=" registryImage"
for key in $keys; do
  configured=$(sed -n "s/^ *swarm-platform:$key: *//p" "$stack_file")
  default=$(sed -n "/^  $key:\$/,/default:/s/^    default: //p" Pulumi.yaml)
  [ "${1:-}" != keys ] || printf '%s ' "$key"
  echo "${configured:-$default}"
done
