#!/usr/bin/env bash
# A table of the stack's services and the URLs to try (STACK, default dev).
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/env.sh
. tools/env.sh
stack=${STACK:-dev}
namespace=$(tools/namespace.sh)

services=$(docker service ls --filter "label=com.docker.stack.namespace=$namespace" \
  --format '{{.Name}}|{{.Replicas}}|{{.Image}}|{{.Ports}}' | sort)
if [ -z "$services" ]; then
  echo "Stack $stack has no services on $DOCKER_HOST. Deploy it with: make up"
  exit 0
fi
echo
# Of the tasks that should run, not of those that are still stopping after an update. Ports in host mode are
# no part of the list's column; the service knows them.
{
  echo 'SERVICE|REPLICAS|IMAGE|PUBLISHED'
  while IFS='|' read -r name replicas image _; do
    ports=$(docker service inspect "$name" --format '{{range .Endpoint.Spec.Ports}}{{.PublishedPort}}/{{.Protocol}} {{end}}')
    ready=$(docker service ps "$name" --filter desired-state=running --format '{{.CurrentState}}' | grep -c '^Running' || true)
    echo "$name|$ready/${replicas#*/}|$image|${ports:--}"
  done <<<"$services"
} | column -t -s '|'

output() { pulumi stack output --stack "$stack" "$1" 2>/dev/null || true; }
edge=$(output edgeUrl)
accounts=$(output accountsUrl)
printf '\nTry:\n'
printf '  %-52s %s\n' \
  "$edge/" "status page" \
  "$edge/accounts/10000" "accountservice through the edge" \
  "$accounts/accounts/10000?include=quote" "with a quote from quotes-service" \
  "$(output kafkaBootstrap)" "Kafka's bootstrap address outside"
[ -z "$(output edgeCa)" ] || cat <<NOTE
The edge's certificate is signed by the environment's own authority, which clients must be told to trust:
  pulumi stack output edgeCa --stack $stack >ca.pem && curl --cacert ca.pem $edge/
NOTE
cat <<'NOTE'
Swarm publishes these ports on every address of this machine, not on loopback alone (see "Firewall" in the README).
NOTE
