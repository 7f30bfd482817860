#!/usr/bin/env bash
# Returns a stack to an earlier deployment, by its own sources:  rollback.sh [TIME]   (STACK, default dev)
# Without TIME to the one before the last change. Shows the preview first; asks on a terminal, else only YES=1 goes on.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/env.sh
. tools/env.sh
stack=${STACK:-dev}
say() { echo "stack $stack: $*" >&2; }

# Inside the project, so that the next operation finds what outlives a killed one (tools/one-at-a-time.mjs).
readonly FOLDER=.state/rollback
for stale in "$FOLDER"/*; do
  [ ! -d "$stale" ] || kill -0 "${stale##*.}" 2>/dev/null || rm -rf "$stale"
done
work=$FOLDER/$stack.$$
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

export DEPLOY_SOURCES=$work/sources
time=$(tools/deployments.sh choose "$DEPLOY_SOURCES" "${1:-}")

# The program runs with the packages that it was deployed with.
rm -rf "$DEPLOY_SOURCES/node_modules" # a link to ours, should one have been recorded: npm would empty that
if cmp -s package-lock.json "$DEPLOY_SOURCES/package-lock.json"; then
  ln -s "$PWD/node_modules" "$DEPLOY_SOURCES/node_modules"
else
  say "its npm packages are others; installing those of its package-lock.json"
  npm ci --no-audit --no-fund --silent --prefix "$DEPLOY_SOURCES"
fi

# What was allowed then may not be today.
[ ! -d policy ] || { rm -rf "$DEPLOY_SOURCES/policy" && ln -s "$PWD/policy" "$DEPLOY_SOURCES/policy"; }

# Pulumi's own message does not tell which file and which passphrase.
if grep -qs 'secure:' "$DEPLOY_SOURCES/Pulumi.$stack.yaml" &&
  ! said=$(pulumi config --json --show-secrets --stack "$stack" --cwd "$DEPLOY_SOURCES" 2>&1 >/dev/null); then
  say "the secrets in its Pulumi.$stack.yaml can't be read: $(tail -n1 <<<"$said")"
  say "They were encrypted with another passphrase or by another secrets provider, and only that can read them." \
    "Undo the change of the program by hand (git revert) and keep the stack's file of today. Nothing was changed."
  exit 1
fi

if ! PREVIEW_EVENTS=$PWD/$work/events tools/stack.sh preview; then
  say "the deployment of $time can't be returned to: see the errors above, and git revert what may be undone. Nothing was changed."
  exit 1
fi
judged=0
tools/deployments.sh judge "$work/events" "$time" || judged=$?
case $judged in
0) ;;
3) exit 0 ;;
*) exit "$judged" ;;
esac

if [ "${YES:-}" != 1 ]; then
  again="make rollback STACK=$stack TO=$time YES=1"
  if ! [ -t 0 ]; then
    say "this is what would be done; nothing was changed. To do it: $again"
    exit 1
  fi
  read -r -p "Roll back stack $stack to the deployment of $time? [y/N] " answer
  [[ $answer == [yY]* ]] || {
    say "nothing was changed."
    exit 1
  }
fi

ROLLBACK_TO=$time tools/stack.sh up || {
  status=$?
  say "the rollback to $time has not ended well. Once more: make rollback TO=$time; back to what ran before: make rollback."
  exit "$status"
}
say "the files of this folder are as they were: the next make up deploys those. To keep what runs now, undo the change here too (git revert)."
