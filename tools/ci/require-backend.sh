#!/usr/bin/env bash
# Makes sure that a workflow can read and write a stack's state (STACK, default dev), before anything else runs:
#
#   require-backend.sh settings   what must be set is set; needs nothing but bash
#   require-backend.sh reach      and the backend answers; needs Pulumi (tools/bootstrap.sh pulumi)
#
# A folder of the runner is gone with it, so it is a fault where GITHUB_ACTIONS is set.
set -euo pipefail
cd "$(dirname "$0")/../.."
readonly PATIENCE=60 # seconds
stack=${STACK:-dev}
backend=${PULUMI_BACKEND_URL:-}
# As it may be shown: an address of a database has a password.
hidden() { sed 's,//[^/@]*@,//[secret]@,g'; }
shown=$(hidden <<<"$backend")

faults=()
case $backend in
"") faults+=("PULUMI_BACKEND_URL is not set; set it to the backend that all runners share, such as s3://bucket, gs://bucket, azblob://container, postgres://... or https://api.pulumi.com") ;;
file://*)
  [ -z "${GITHUB_ACTIONS:-}" ] ||
    faults+=("PULUMI_BACKEND_URL = $shown is a folder of this runner, which is gone with it; set it to the backend that all runners share, such as s3://bucket")
  ;;
https://*)
  [ -n "${PULUMI_ACCESS_TOKEN:-}" ] ||
    faults+=("PULUMI_ACCESS_TOKEN is not set, which $shown asks for; set it to a token of it")
  ;;
esac
# Keys of a cloud's key management need none.
if [ -z "${PULUMI_CONFIG_PASSPHRASE:-}${PULUMI_CONFIG_PASSPHRASE_FILE:-}" ] && ! grep -qs '^secretsprovider:' "Pulumi.$stack.yaml"; then
  faults+=("PULUMI_CONFIG_PASSPHRASE is not set; set it to the passphrase of stack $stack (on the machine that has the state so far: .state/passphrase)")
fi

if [ "${1:-}" = reach ] && [ ${#faults[@]} = 0 ]; then
  # The stack's managers need not be asked for this.
  export DOCKER_HOST=${DOCKER_HOST:-unix:///var/run/docker.sock}
  # shellcheck source=tools/env.sh
  . tools/env.sh
  status=0
  said=$(timeout "$PATIENCE" pulumi stack ls --json 2>&1 >/dev/null </dev/null) || status=$?
  [ "$status" != 124 ] || said="no answer within $PATIENCE s"
  [ "$status" = 0 ] ||
    faults+=("PULUMI_BACKEND_URL = $shown does not answer: $(tail -n1 <<<"${said#error: }" | hidden); see its address, the network, and the runner's login to it (such as AWS_ACCESS_KEY_ID)")
fi

((${#faults[@]})) || exit 0
{
  echo "The state of stack $stack can't be used from here; nothing was changed."
  printf '  - %s\n' "${faults[@]}"
  echo "  In a workflow these are variables and secrets of the job's environment (Settings > Environments), which a pull request from a"
  echo "  fork does not get. docs/continuous-delivery.md tells which, and how to move the state there."
} >&2
exit 1
