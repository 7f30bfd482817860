#!/usr/bin/env bash
# Pulls the tags of the images that others build again. Nothing on the swarm changes by that; the next
# preview shows which services would move to a newer digest.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/env.sh
. tools/env.sh
tools/images.sh | while read -r image; do
  echo "pulling $image"
  docker pull --quiet "$image" >/dev/null
done
echo "make preview shows what that changes"
