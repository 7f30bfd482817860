#!/usr/bin/env bash
# Asks the running example as a client of Consul would; exits with the number of faults.  smoke.sh [URL [DNS_PORT]]
set -euo pipefail
url=${1:-http://127.0.0.1:${HTTP_PORT:-8500}/}
dns_port=${2:-${DNS_PORT:-8600}}
host=${url#*://}
host=${host%%[:/]*}
readonly PATIENCE=60 # seconds until the three are one, and the web service is found
faults=0
check() { # WHAT COMMAND...
  local answer tries
  for ((tries = 0; ; tries++)); do
    if answer=$("${@:2}" 2>&1); then
      printf 'ok     %-40s %s\n' "$1" "$answer"
      return
    fi
    ((SECONDS < PATIENCE)) || break
    sleep 1
  done
  printf 'FAULT  %-40s %s\n' "$1" "$answer"
  faults=$((faults + 1))
}
ask() { curl --silent --show-error --fail --max-time 20 "${@:2}" "${url}v1/$1"; }
servers() {
  local health
  health=$(ask operator/autopilot/health)
  grep -o '"Name":"[^"]*"' <<<"$health" | cut -d'"' -f4 | sort | xargs
  grep -q '"FailureTolerance":1,' <<<"$health"
}
key_value() {
  local value=smoke-$$-$RANDOM
  ask kv/smoke --request PUT --data "$value" --output /dev/null &&
    [ "$(ask kv/smoke?raw)" = "$value" ] &&
    ask kv/smoke --request DELETE --output /dev/null &&
    echo "written, read, deleted"
}
web() {
  local found
  found=$(ask health/service/web?passing | grep -o '"ID":"web-[0-9]*"' | cut -d'"' -f4 | sort | xargs)
  echo "$found"
  [ "$(wc -w <<<"$found")" = 3 ]
}
# The addresses of a name, asked for as any resolver asks: by UDP, a question for A records.
resolve() { # NAME
  local question='' label answer
  for label in ${1//./ }; do question+=$(printf '\\x%02x%s' ${#label} "$label"); done
  exec 3<>"/dev/udp/$host/$dns_port"
  # shellcheck disable=SC2059
  printf "\\x12\\x34\\x01\\0\\0\\x01\\0\\0\\0\\0\\0\\0$question\\0\\0\\x01\\0\\x01" >&3
  answer=$(timeout 5 dd bs=512 count=1 status=none <&3 | od -An -v -tu1 | xargs)
  exec 3>&-
  # Each record: a pointer to the name, type A, class IN, time to live, length 4, address.
  grep -oE '192 12 0 1 0 1 [0-9]+ [0-9]+ [0-9]+ [0-9]+ 0 4 [0-9]+ [0-9]+ [0-9]+ [0-9]+' <<<"$answer" |
    cut -d' ' -f13-16 | tr ' ' . | sort | xargs
}
three() { # NAME
  local found
  found=$(resolve "$1")
  echo "$found"
  [ "$(wc -w <<<"$found")" = 3 ]
}
check "three servers, one may be lost" servers
check "key-value" key_value
check "web is registered, its checks pass" web
check "DNS, web.service.consul" three web.service.consul
check "DNS, consul.service.consul" three consul.service.consul
exit "$faults"
