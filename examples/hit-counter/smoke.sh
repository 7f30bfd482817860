#!/usr/bin/env bash
# Asks the running example as a visitor would; exits with the number of faults.  smoke.sh [URL]
set -euo pipefail
url=${1:-http://127.0.0.1:${PORT:-8000}/}
faults=0
check() { # WHAT COMMAND...
  local answer
  if answer=$("${@:2}" 2>&1); then
    printf 'ok     %-40s %s\n' "$1" "$answer"
  else
    printf 'FAULT  %-40s %s\n' "$1" "$answer"
    faults=$((faults + 1))
  fi
}
seen() { curl --silent --show-error --fail --max-time 20 "$url" | sed -n 's/.* seen \([0-9]*\) times\.$/\1/p'; }
# Others may look too, so at least.
counts() {
  local first second
  first=$(seen) || return 1
  second=$(seen) || return 1
  echo "$first, $second"
  [ "$second" -gt "$first" ]
}
replicas() {
  local tasks
  tasks=$(for _ in {1..30}; do curl --silent --fail --max-time 20 --output /dev/null --write-out '%header{x-task}\n' "$url"; done | sort -u | grep -c . || true)
  echo "$tasks answer"
  [ "$tasks" -ge 2 ]
}
check "each visit counts" counts
check "several replicas answer" replicas
exit "$faults"
