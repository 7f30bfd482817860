#!/usr/bin/env bash
# Prints the images that others build, as the stack names them (STACK, default dev).
set -euo pipefail
cd "$(dirname "$0")/.."
for key in goImage nginxImage kafkaImage; do
  configured=$(sed -n "s/^ *swarm-platform:$key: *//p" "Pulumi.${STACK:-dev}.yaml")
  default=$(sed -n "/^  $key:\$/,/default:/s/^    default: //p" Pulumi.yaml)
  echo "${configured:-$default}"
done
