#!/usr/bin/env bash
# Environments of pull requests on a swarm that they share:  ephemeral.sh up|down|describe NUMBER   ephemeral.sh sweep|list
#
#   up        deploys this folder as stack pr-NUMBER, with ports and a subnet that nobody has; again, it updates that
#   describe  prints where it answers, as Markdown
#   down      destroys it, however much of it is left, and forgets its state
#   sweep     does that with all that are older than their time to live
#   list      shows them
#
# EPHEMERAL_BASE (dev) is the stack whose file theirs is made from, and whose engine is spoken to. EPHEMERAL_TTL_HOURS (48) is how
# long after its last `up` one lives; EPHEMERAL_SUBNETS (10.64.0.0/16) and EPHEMERAL_PORTS (20000) are where subnets and ports
# are taken from.
set -euo pipefail
cd "$(dirname "$0")/../.."
export STACK=${EPHEMERAL_BASE:-dev}
# shellcheck source=tools/env.sh
. tools/env.sh
exec node --import ./tools/typescript.mjs tools/ci/ephemeral.mjs "$@"
