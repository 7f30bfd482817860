#!/usr/bin/env bash
# The Pulumi operations behind make:  stack.sh init|up|preview|refresh|destroy   (STACK, default dev)
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/env.sh
. tools/env.sh

operation=${1:?usage: stack.sh init|up|preview|refresh|destroy}
stack=${STACK:-dev}
say() { echo "stack $stack: $*" >&2; }

# The passphrase's salt is this machine's; Pulumi writes it into the tracked stack file and takes it
# from the state when it is not there (PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER in env.sh).
strip_salt() {
  [ "$stack" != dev ] || ! grep -qs '^encryptionsalt:' Pulumi.dev.yaml && return
  sed '/^encryptionsalt:/d' Pulumi.dev.yaml >.state/Pulumi.dev.yaml && cat .state/Pulumi.dev.yaml >Pulumi.dev.yaml
  rm .state/Pulumi.dev.yaml
}
trap strip_salt EXIT

[ -s ".state/.pulumi/stacks/swarm-platform/$stack.json" ] || pulumi stack select --create "$stack" &>/dev/null
[ "$operation" != init ] || exit 0

# With the swarm gone the provider can't even read a service, and the refresh ends the operation. What
# lived in that swarm is gone with it: the state is made to say so, for a preview in a copy of it.
if [ "$(docker info --format '{{.Swarm.LocalNodeState}}')" = inactive ]; then
  state=$(pulumi stack export --stack "$stack")
  if grep -q '"docker:index/service:Service"' <<<"$state"; then
    say "the engine at $DOCKER_HOST is in no swarm any more, and all that this stack had in it is gone."
    if [ "$operation" = preview ]; then
      copy=$(mktemp -d)
      trap 'rm -rf "$copy"; strip_salt' EXIT
      export PULUMI_BACKEND_URL=file://$copy
      pulumi stack select --create "$stack" &>/dev/null
      pulumi stack import --stack "$stack" >/dev/null <<<"$state"
    fi
    swarm=$(sed -n 's/.*"urn": "\(.*command:local:Command::swarm\)".*/\1/p' <<<"$state" | head -n1)
    pulumi state delete --stack "$stack" --yes --target-dependents "$swarm" >/dev/null
  fi
fi

case $operation in
up)
  pulumi up --stack "$stack" --yes --skip-preview
  strip_salt
  tools/status.sh
  ;;
preview) pulumi preview --stack "$stack" --diff ;;
refresh) pulumi refresh --stack "$stack" --yes --skip-preview ;;
destroy)
  namespace=$(tools/namespace.sh)
  pulumi destroy --stack "$stack" --yes --skip-preview
  kept=$(docker volume ls --filter "label=com.docker.stack.namespace=$namespace" --format '{{.Name}}' | sed 's/^/  /')
  [ -z "$kept" ] || printf 'Kept volumes (purgeData: true deletes them, or docker volume rm):\n%s\n' "$kept"
  ;;
*)
  say "unknown operation $operation; allowed: init, up, preview, refresh, destroy"
  exit 2
  ;;
esac
