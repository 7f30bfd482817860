#!/usr/bin/env bash
# Everyday commands for one service by its short name, or <stack>_<service> where a stack file has it:
#   service.sh logs|restart NAME   (STACK, default dev)
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/env.sh
. tools/env.sh
namespace=$(tools/namespace.sh)
names=$(for one in $(node --import ./tools/typescript.mjs tools/namespaces.mjs); do
  docker service ls --filter "label=com.docker.stack.namespace=$one" --format '{{.Name}}'
done | sed "s/^${namespace}_//" | sort | tr '\n' ' ')
case " $names " in
*" ${2:-} "*) [ -n "${2:-}" ] || { echo "SERVICE is not set; allowed: $names" >&2; exit 2; } ;;
*) echo "SERVICE=${2:-}: no such service in $namespace; allowed: $names" >&2; exit 2 ;;
esac
service=${namespace}_$2
docker service inspect "$service" >/dev/null 2>&1 || service=$2 # of a stack file
case $1 in
logs) exec docker service logs --follow --tail 100 "$service" ;;
restart) exec docker service update --force --detach=false "$service" ;;
*) echo "unknown command $1; allowed: logs, restart" >&2; exit 2 ;;
esac
