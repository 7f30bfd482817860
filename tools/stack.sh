#!/usr/bin/env bash
# The Pulumi operations behind make:  stack.sh init|up|preview|refresh|destroy   (STACK, default dev)
#   stack.sh report   prints a preview as events of Pulumi's engine, one a line, for review/main.ts
# those on the volumes, which nothing else may be at work on:  stack.sh backup, stack.sh restore FOLDER [FORCE]
# and the take-over of what docker stack deploy has made:  stack.sh adopt NAME FILE...
# One at a time, and each on a state that tells the truth, however the last one ended.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/env.sh
. tools/env.sh

operation=${1:?usage: stack.sh init|up|preview|report|refresh|destroy|backup|restore|adopt}
export STACK=${STACK:-dev}
stack=$STACK
say() { echo "stack $stack: $*" >&2; }
case $operation in
init | up | preview | report | refresh | destroy | backup | restore | adopt) ;;
*)
  say "unknown operation $operation; allowed: init, up, preview, report, refresh, destroy, backup, restore, adopt"
  exit 2
  ;;
esac
# These change nothing, the state included.
case $operation in preview | report) readonly looks=preview ;; *) readonly looks= ;; esac

# The passphrase's salt is this machine's; Pulumi writes it into the tracked stack file and takes it
# from the state when it is not there (PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER in env.sh).
strip_salt() {
  local file=Pulumi.$stack.yaml
  [ "$stack" = dev ] || [ -d "examples/$stack" ] || return 0
  grep -qs '^encryptionsalt:' "$file" || return 0
  sed '/^encryptionsalt:/d' "$file" >".state/$file" && cat ".state/$file" >"$file"
  rm ".state/$file"
}

# There while an operation runs and after one that did not end well: when it began, and the state at that moment.
readonly BEFORE=.state/$stack.before
# Where the program and the stack's file are: here, or in the sources of an earlier deployment (tools/rollback.sh).
readonly SOURCES=${DEPLOY_SOURCES:-.}
# File for Pulumi's own account of what it does; that of a preview is for who asks for it.
events=${PREVIEW_EVENTS:-}
copy= begun=
finish() {
  local status=$?
  strip_salt
  [ -z "$copy" ] || rm -rf "$copy"
  [ "$operation" != up ] || [ -z "$events" ] || rm "$events"
  # Its time then tells when that operation ended.
  [ -z "$begun" ] || [ "$status" = 0 ] || touch "$BEFORE"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

if ! [ -s ".state/.pulumi/stacks/swarm-platform/$stack.json" ]; then
  said=$(pulumi stack select --create "$stack" 2>&1) || {
    say "the Pulumi stack can't be made: $said"
    exit 1
  }
fi
[ "$operation" != init ] || exit 0

# Held until this process ends, in whatever way; an up that has an approval to check makes its report under its own lock.
# Where there is no flock, Pulumi's own lock must do.
if [ -z "${LOCK_HELD:-}" ]; then
  exec 9>>".state/$stack.lock"
  if command -v flock >/dev/null && ! flock --nonblock 9; then
    say "$(cat ".state/$stack.lock"). Wait until it has ended, or end it. Nothing was changed."
    exit 1
  fi
  echo "make $operation is at work on it (pid $$, since $(date -u +%FT%TZ))" >".state/$stack.lock"
  tools/one-at-a-time.mjs
fi
if [ "$operation" = up ] && [ -n "${APPROVED:-}" ]; then
  LOCK_HELD=yes tools/report.sh --stack "$stack" --approved "$APPROVED" 9>&- || exit 1
fi

[ "$operation" != adopt ] || tools/adopt.mjs prepare "${@:2}"
namespaces=$(node --import ./tools/typescript.mjs tools/namespaces.mjs)
namespace=${namespaces%%$'\n'*} # the stack's own
case $operation in
backup | restore)
  strip_salt
  exec node --import ./tools/typescript.mjs tools/volumes.mjs "$operation" "$namespaces" "${@:2}"
  ;;
esac
state=$(pulumi stack export --stack "$stack")
mended=$(tools/mend-state.mjs "${looks:-$operation}" "$namespace" "$BEFORE" <<<"$state")
if [ -n "$mended" ]; then
  state=$mended
  if [ -n "$looks" ]; then
    copy=$(mktemp -d)
    export PULUMI_BACKEND_URL=file://$copy
    pulumi stack select --create "$stack" &>/dev/null
  fi
  pulumi stack import --stack "$stack" >/dev/null <<<"$state"
fi
if [ -z "$looks" ]; then
  (umask 077 && printf '%s\n' "$(date -u +%FT%TZ)" "$state" >"$BEFORE.part")
  mv "$BEFORE.part" "$BEFORE"
  begun=yes
fi
# Beside pulumi, which first loads the program; what it says comes after that.
exec 3</dev/null
case $operation in up | destroy) exec 3< <(tools/deployments.sh begin "$operation" 2>&1 9>&-) ;; esac
[ "$operation" != up ] || events=$(mktemp)
[ -z "$events" ] || export PULUMI_DEBUG_COMMANDS=1 # else the CLI does not know --event-log

# Runs pulumi so that a signal to this script alone reaches it too: it ends what it has begun, and begins nothing more.
run() {
  local pulumi status=0 interrupted=
  # Two signals would end it at once. One to our whole group must not count twice; a terminal needs it in that group.
  [ -t 1 ] || set -m
  pulumi "$@" --stack "$stack" --cwd "$SOURCES" ${events:+--event-log "$events"} <&0 &
  pulumi=$!
  set +m
  trap 'interrupted=yes; [ -t 1 ] || kill -INT "$pulumi"' INT
  trap 'interrupted=yes; kill -INT "$pulumi"' TERM HUP
  wait "$pulumi" || status=$?
  # A signal ends the wait, not what is waited for.
  while kill -0 "$pulumi" 2>/dev/null; do
    status=0
    wait "$pulumi" || status=$?
  done
  trap 'exit 130' INT TERM HUP
  cat <&3 >&2
  if [ "$status" != 0 ] && [ -n "$interrupted" ]; then
    say "$operation was interrupted. What it did is kept; run it again."
    exit 130
  fi
  return "$status"
}

# Its errors are above; this is what to do about them.
failed() {
  docker version &>/dev/null || say "the Docker engine at $DOCKER_HOST does not answer any more; start it."
  say "$operation failed. What it did is kept: mend what the errors above name, then run it again."
  exit 1
}

# Without the lock's descriptor: Pulumi's plugins outlive a killed CLI, and would hold the lock.
case $operation in
up)
  run up --yes --skip-preview || failed
  rm -f ".state/$stack.stopped" # by now they run
  strip_salt
  # Beside the table, since each takes its time; what it says comes after that.
  exec 4< <(tools/deployments.sh end "$events" 2>&1)
  tools/status.sh
  cat <&4 >&2
  ;;
# Without outputs: a refresh shows all those of each service in which the engine has filled something in.
preview)
  # shellcheck disable=SC2046 # words
  run preview --diff --suppress-outputs $(tools/policy-args.sh) || failed
  ;;
# Not for people, logs or files: what debugging says of the state, and a refresh of services, has secrets in clear.
report)
  # shellcheck disable=SC2046 # words
  PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true run preview --json --color never $(tools/policy-args.sh) \
    > >(grep --line-buffered -v '"severity":"debug"') || failed
  ;;
refresh) run refresh --yes --skip-preview || failed ;;
adopt)
  plan=$(SWARM_PLATFORM_ADOPT=$2 pulumi preview --json --stack "$stack") || {
    tools/adopt.mjs faults <<<"$plan"
    failed
  }
  tools/adopt.mjs check "$2" <<<"$plan"
  SWARM_PLATFORM_ADOPT=$2 run up --yes --skip-preview --suppress-outputs || failed
  strip_salt
  say "$2 is taken over; nothing of it was changed. What the next make up would change:"
  run preview --diff --suppress-outputs || failed
  ;;
destroy)
  if ! run destroy --yes --skip-preview; then
    docker version &>/dev/null && [ "${ATTEMPT:-1}" -lt 3 ] || failed
    pulumi stack export --stack "$stack" | tools/in-the-way.mjs "$namespaces" || exit 1
    # The provider gives a container no longer than its grace period, and then fails although the service is gone.
    say "nothing else is in the way; once more, with what is left."
    ATTEMPT=$((${ATTEMPT:-1} + 1)) exec tools/stack.sh destroy
  fi
  kept=$(for one in $namespaces; do
    docker volume ls --filter "label=com.docker.stack.namespace=$one" --format '{{.Name}}'
  done | sed 's/^/  /')
  [ -z "$kept" ] || printf 'Kept volumes (purgeData: true deletes them, or docker volume rm):\n%s\n' "$kept"
  ;;
esac 9>&-
[ -n "$looks" ] || rm "$BEFORE"
