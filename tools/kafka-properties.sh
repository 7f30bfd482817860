#!/usr/bin/env bash
# Prints components/kafka/kafka-properties.json for an image of Kafka: which properties its broker and its topics have,
# of what type, in what limits, as the release itself defines them. Needs Docker and a JDK of 17 or newer.
#
#   tools/kafka-properties.sh apache/kafka:4.3.1 >components/kafka/kafka-properties.json
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# = 1 ] || {
  sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "$0" >&2
  exit 2
}
# shellcheck source=tools/env.sh
. tools/env.sh
jars=$(mktemp -d)
container=$(docker create "$1")
trap 'docker rm "$container" >/dev/null; rm -rf "$jars"' EXIT
docker cp "$container:/opt/kafka/libs/." "$jars" >/dev/null
java -cp "$jars/*" tools/KafkaProperties.java | node_modules/.bin/prettier --parser json
