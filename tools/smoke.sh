#!/usr/bin/env bash
# Asks the running platform as a user would, one line a question; on a fault, what to look at. Exits with
# the number of faults (STACK, default dev).
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/env.sh
. tools/env.sh
stack=${STACK:-dev}
namespace=$(tools/namespace.sh)
readonly PATIENCE=5 # seconds for one HTTP request
readonly MESSAGES=100

outputs=$(pulumi stack output --stack "$stack" --json)
output() { sed -n "s/^ *\"$1\": \"\(.*\)\",\{0,1\}$/\1/p" <<<"$outputs"; }
edge=$(output edgeUrl)
accounts=$(output accountsUrl)
bootstrap=$(output kafkaBootstrap)
producer=$(output producer)
# Where the environment's own authority signs for the edge, curl must be told so; in JSON its lines end in \n.
trust=()
if [ -n "$(output edgeCa)" ]; then
  ca=$(mktemp)
  trap 'rm -f "$ca"' EXIT
  printf '%b' "$(output edgeCa)" >"$ca"
  trust=(--cacert "$ca")
fi
[ -n "$edge" ] || {
  echo "Stack $stack is not deployed; do: make up" >&2
  exit 1
}

faults=0
# check WHAT LOOK_AT COMMAND...: the command's output is shown, its exit code decides.
check() {
  local what=$1 look=$2 answer
  shift 2
  if answer=$("$@" 2>&1); then
    printf 'ok     %-44s %s\n' "$what" "$(tail -n1 <<<"$answer" | cut -c1-110)"
  else
    printf 'FAULT  %-44s %s\n       look at: %s\n' "$what" "$(tail -n3 <<<"$answer" | tr '\n' ' ')" "$look"
    faults=$((faults + 1))
  fi
}
same() { [ "$1" = "$2" ] && echo "$1" || { echo "got: $1, wanted: $2"; return 1; }; }
get() { curl --silent --show-error --max-time "$PATIENCE" ${trust[@]+"${trust[@]}"} "$@"; }
status_of() { get --output /dev/null --write-out '%{http_code}' "$1"; }
host_of() { sed 's,^[a-z]*://,,; s,:.*,,' <<<"$1"; }
# The container of one task on this engine.
container() { docker ps --quiet --filter "label=com.docker.swarm.service.name=${namespace}_$1" | head -n1; }
inside() {
  local id
  id=$(container "$1")
  [ -n "$id" ] || { echo "no task of ${namespace}_$1 runs on this engine"; return 1; }
  docker exec "$id" "${@:2}"
}

resolve() { inside nginx getent hosts "$1"; }
account() { same "$(get "$1/accounts/10000")" '{"id":"10000","name":"Person_0"}'; }
unknown() { same "$(status_of "$accounts/accounts/9")" 404; }
quote() { get "$accounts/accounts/10000?include=quote" | grep -o '"quote":{.*"language":"[a-z]*"}'; }
hidden() {
  local ports
  ports=$(docker service inspect "${namespace}_quotes-service" --format '{{len .Endpoint.Spec.Ports}} published ports')
  same "$ports, edge answers $(status_of "$edge/api/quote")" "0 published ports, edge answers 404"
}
redirected() {
  local port
  port=$(docker service inspect "${namespace}_nginx" --format '{{(index .Endpoint.Spec.Ports 0).PublishedPort}}')
  same "$(get --output /dev/null --write-out '%{http_code} %{redirect_url}' "http://$(host_of "$edge"):$port/")" "308 $edge/"
}
# The producer beside a broker sees what a task in the overlay sees; in the machine's own network, what a program on
# the host sees.
roundtrip() { docker run --rm --network "$1" "$producer" roundtrip --brokers "$2" --count "$MESSAGES"; }
kafka_inside() {
  local id
  id=$(container kafka-1)
  [ -n "$id" ] || { echo "no task of ${namespace}_kafka-1 runs on this engine"; return 1; }
  roundtrip "container:$id" kafka:19092
}
kafka_outside() { roundtrip host "$bootstrap"; }
time_zone() {
  local zone wanted line
  zone=$(docker service inspect "${namespace}_accountservice" \
    --format '{{range .Spec.TaskTemplate.ContainerSpec.Env}}{{println .}}{{end}}' | sed -n 's/^TZ=//p')
  wanted=$(TZ=$zone date +%z | sed 's/..$/:&/; s/^+00:00$/Z/')
  line=$(docker service logs --raw --tail 200 "${namespace}_accountservice" 2>&1 | grep -m1 '"time":')
  case $line in
  *"$wanted\""*) echo "$zone is $wanted: $line" ;;
  *) echo "$zone is $wanted, but the log says: $line"; return 1 ;;
  esac
}

echo "Asking stack $stack at $edge"
for name in kafka nginx accountservice quotes-service; do
  check "name $name resolves in the overlay" "docker service ls" resolve "$name"
done
check "account direct" "docker service logs ${namespace}_accountservice" account "$accounts"
check "account through the edge" "docker service logs ${namespace}_nginx" account "$edge"
case $edge in
https:*) check "http is sent to https" "edgePort in Pulumi.$stack.yaml" redirected ;;
esac
check "unknown account is 404" "docker service logs ${namespace}_accountservice" unknown
check "quote through accountservice" "docker service logs ${namespace}_quotes-service" quote
check "quotes-service is not reachable outside" "docker service inspect ${namespace}_quotes-service" hidden
check "Kafka inside: produce and consume" "docker service logs ${namespace}_kafka-1" kafka_inside
check "Kafka from the host: produce and consume" "externalAddress in Pulumi.$stack.yaml: clients are sent to $bootstrap" kafka_outside
check "log lines have the local time" "timezone in Pulumi.$stack.yaml" time_zone

[ "$faults" = 0 ] && echo "All is well." || echo "$faults faults."
exit "$faults"
