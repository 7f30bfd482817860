#!/usr/bin/env bash
# Asks the running example as a browser would; exits with the number of faults.  smoke.sh [URL]
set -euo pipefail
url=${1:-http://127.0.0.1:${PORT:-8002}/}
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
page() { curl --silent --show-error --fail --max-time 5 "$url" | grep -o '<title>.*</title>'; }
# The first event is enough; the stream does not end by itself, so it must not hold the answer open.
picture() {
  local event
  event=$(grep --max-count 1 '^data: ' < <(curl --silent --no-buffer --max-time 10 "${url}events" 2>/dev/null))
  echo "$(count availability) nodes, $(count ports) services, $(count desired) tasks"
  [ "$(count availability)" -gt 0 ] && grep -q '"visualizer_page"' <<<"$event"
}
count() { grep -o "\"$1\":" <<<"$event" | wc -l; }
check "the page is there" page
check "it draws the swarm" picture
exit "$faults"
