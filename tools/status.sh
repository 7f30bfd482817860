#!/usr/bin/env bash
# A table of the stack's services and the URLs to try (STACK, default dev).
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/env.sh
. tools/env.sh
stack=${STACK:-dev}

# Beside the table, since each takes its time.
exec 3< <(pulumi stack output --stack "$stack" --json 2>/dev/null)
# shellcheck disable=SC2046 # words
services=$(node --import ./tools/typescript.mjs tools/services.mjs $(node --import ./tools/typescript.mjs tools/namespaces.mjs))
if [ -z "$services" ]; then
  echo "Stack $stack has no services on $DOCKER_HOST. Deploy it with: make up"
  exit 0
fi
printf '\n%s\n' "$services"

outputs=$(cat <&3)
output() { sed -n "s/^ *\"$1\": \"\(.*\)\",\{0,1\}$/\1/p" <<<"$outputs"; }
edge=$(output edgeUrl)
[ -n "$edge" ] || exit 0 # stack files alone
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
