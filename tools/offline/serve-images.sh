#!/usr/bin/env bash
# A read-only registry mirror on loopback with the images of build-images.sh, for an engine that runs in the machine's
# own network: `dockerd --registry-mirror ADDRESS`.
#
#   serve-images.sh start   starts it unless it runs, prints its address
#   serve-images.sh stop    stops it; does nothing when it does not run
set -euo pipefail

readonly ADDRESS=127.0.0.1:5213 # not 5000, where a registry of the user's may be
cache=$(realpath -m -- "${SWARM_PLATFORM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/swarm-platform}")
config=$(dirname "$(realpath "$0")")/registry.yml
run=$cache/run
pid_file=$run/image-mirror.pid
log=$run/image-mirror.log
readonly cache config run pid_file log

say() { echo "serve-images: $*" >&2; }
fail() {
  say "$*"
  exit 1
}

# The pid file may be older than the last boot: its process counts only if it is such a mirror, of this clone or another.
running() {
  pid=$(cat "$pid_file" 2>/dev/null) && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qE "docker-registry serve .*/tools/offline/registry\.yml"
}
answers() { (: <"/dev/tcp/${ADDRESS/:/\/}") 2>/dev/null; }

start() {
  local tries
  [[ -d $cache/registry ]] || fail "there are no images in $cache/registry; run build-images.sh first"
  command -v docker-registry >/dev/null || fail "docker-registry is missing; install it with apt-get install docker-registry"
  mkdir -p "$run"
  exec 9>"$run/image-mirror.lock"
  flock 9
  if ! running; then
    ! answers || fail "another program listens on $ADDRESS; see which with: ss -ltnp sport = :${ADDRESS##*:}"
    REGISTRY_HTTP_ADDR=$ADDRESS REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=$cache/registry \
      setsid docker-registry serve "$config" </dev/null &>"$log" 9>&- &
    echo $! >"$pid_file"
    say "started a mirror of $cache/registry, process $!"
  fi
  for ((tries = 0; tries < 100; tries++)); do
    if answers; then
      echo "http://$ADDRESS"
      return
    fi
    running || break
    sleep 0.1
  done
  tail -n 15 "$log" >&2
  fail "the mirror does not answer on $ADDRESS; its log is $log"
}

stop() {
  if running; then
    kill "$pid"
    while [[ -e /proc/$pid ]]; do sleep 0.05; done
    say "stopped the mirror, process $pid"
  fi
  rm -f "$pid_file"
}

case ${1:-} in
  start | stop) "$1" ;;
  *) fail "usage: serve-images.sh start|stop" ;;
esac
