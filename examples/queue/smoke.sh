#!/usr/bin/env bash
# Sends bodies and waits until the worker has done every one that was acknowledged; exits with the number of faults.
#   smoke.sh [URL [BODIES]]
set -euo pipefail
url=${1:-http://127.0.0.1:${PORT:-8001}/}
bodies=${2:-200}
readonly PATIENCE=60 # seconds until all is done
run=smoke-$$-$(date +%s)
acknowledged=$(mktemp)
trap 'rm -f "$acknowledged"' EXIT
for ((n = 1; n <= bodies; n++)); do
  status=$(curl --silent --output /dev/null --max-time 20 --write-out '%{http_code}' --data "$run-$n" "$url" || true)
  [ "$status" != 202 ] || echo "$run-$n" >>"$acknowledged"
done
missing=
for ((waited = 0; waited < PATIENCE; waited++)); do
  if finished=$(curl --silent --fail --max-time 5 "${url}done"); then
    missing=$(comm -23 <(sort "$acknowledged") <(sort <<<"$finished"))
    [ -n "$missing" ] || break
  fi
  sleep 1
done
count=$(wc -l <"$acknowledged")
faults=0
if [ "$count" -gt 0 ] && [ "$count" = "$bodies" ]; then
  echo "ok     acknowledged                             $count of $bodies"
else
  echo "FAULT  acknowledged                             $count of $bodies"
  faults=$((faults + 1))
fi
if [ -z "$missing" ] && [ "$waited" -lt "$PATIENCE" ]; then
  echo "ok     done by the worker                       all that was acknowledged"
else
  echo "FAULT  done by the worker                       missing after $PATIENCE s: $(head -n 3 <<<"$missing" | xargs)"
  faults=$((faults + 1))
fi
exit "$faults"
