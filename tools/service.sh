#!/usr/bin/env bash
# Everyday commands for one service by its short name:  service.sh logs|restart NAME   (STACK, default dev)
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/env.sh
. tools/env.sh
namespace=$(tools/namespace.sh)
names=$(docker service ls --filter "label=com.docker.stack.namespace=$namespace" --format '{{.Name}}' | sed "s/^${namespace}_//" | sort | tr '\n' ' ')
case " $names " in
*" ${2:-} "*) [ -n "${2:-}" ] || { echo "SERVICE is not set; allowed: $names" >&2; exit 2; } ;;
*) echo "SERVICE=${2:-}: no such service in $namespace; allowed: $names" >&2; exit 2 ;;
esac
case $1 in
logs) exec docker service logs --follow --tail 100 "${namespace}_$2" ;;
restart) exec docker service update --force --detach=false "${namespace}_$2" ;;
*) echo "unknown command $1; allowed: logs, restart" >&2; exit 2 ;;
esac
