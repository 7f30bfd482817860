#!/usr/bin/env bash
# Asks the registries, through the engine, what the tags of the images that others build stand for now, and writes those
# that are newer into the stack's file. Nothing on the swarm changes by that; the next preview shows what would.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/env.sh
. tools/env.sh
exec node --import ./tools/typescript.mjs tools/update-images.mjs
