#!/usr/bin/env bash
# Docker engines that share nothing with the machine's own, for tests and for building images.
#
#   throwaway-engine.sh start DIR [NAME [--disk=SIZE] [--sshd=KEYS] [DOCKERD_FLAG...]]
#                                            start, or start again with the data, address, name and flags of DIR;
#                                            SIZE (such as 300m) gives it a disk of its own, which ends with it;
#                                            KEYS is a file of public keys, with which root may log in by ssh
#   throwaway-engine.sh restart DIR          stop dockerd in an orderly way, start it again
#   throwaway-engine.sh kill DIR             end it at once, like a power cut; DIR stays for another start
#   throwaway-engine.sh cut|heal DIR         take its network cable out, put it in again
#   throwaway-engine.sh stop DIR             end it at once and delete all it had, DIR too
#   throwaway-engine.sh stop-all PARENT      stop every engine at or below PARENT
#
# `start` waits until the engine answers and prints, as the only text on stdout:
#   DOCKER_HOST=unix://...  ENGINE_ADDRESS=10.213.0.x  NETNS=name  PID=n     (one a line)
# NAME is the engine's host name, which is what a swarm calls the node. START_TIMEOUT, in the environment, is how many
# seconds it may take (60).
#
# An engine lives in namespaces of its own (network, mount, process, host name) and is joined to one
# bridge for all of them, so engines can form a swarm and containers reach the internet. Every process
# and mount of an engine is inside its process and mount namespace: ending PID ends all of them,
# whatever state they were in. Process ids that such an engine reports are those of its namespace.
#
# In DIR: docker-data/, sshd/, log, registry.log, sshd.log, pid. In /run/swarmtest/ID: the socket, whose path must stay short, and
# the address.
# When the image cache has a registry folder (tools/offline), the engine gets a read-only mirror of it.
set -euo pipefail

readonly BRIDGE=swarmtest0
readonly SUBNET=10.213.0 # a /24: the bridge is .1, engines are .2 to .254
readonly RUN=/run/swarmtest
readonly MIRROR=127.0.0.1:5213 # on the engine's own loopback; not 5000, which a container may publish
readonly START_TIMEOUT=${START_TIMEOUT:-60} # seconds
readonly STOP_TIMEOUT=30       # seconds an orderly stop may take before it is forced
readonly MARKER=throwaway-engine
CACHE=$(realpath -m -- "${SWARM_PLATFORM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/swarm-platform}")
SELF=$(realpath "$0")
readonly CACHE SELF

say() { echo "throwaway-engine: $*" >&2; }
fail() {
  say "$*"
  exit 1
}

usage() {
  sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "$SELF" >&2
  exit 2
}

require() {
  local missing=() entry
  ((EUID == 0)) || fail "needs root, to make network namespaces and to start dockerd; run it with sudo"
  for entry in dockerd:docker.io docker:docker.io iptables:iptables ip:iproute2 pgrep:procps \
    docker-registry:docker-registry unshare:util-linux; do
    command -v "${entry%%:*}" >/dev/null || missing+=("${entry#*:}")
  done
  ((${#missing[@]} == 0)) || fail "these packages are missing: ${missing[*]}; install them with apt-get install ${missing[*]}"
}

# Sets the names that follow from the engine's folder.
use() {
  dir=$(realpath -m -- "$1")
  id=$(sha256sum <<<"$dir" | cut -c1-8)
  netns=swarmtest-$id
  veth=st$id
  state=$RUN/$id
  socket=$state/docker.sock
}

# One start or stop at a time changes the bridge, the rules and the addresses.
lock() {
  mkdir -p "$RUN"
  exec 9>"$RUN/lock"
  flock 9
}
unlock() { exec 9>&-; }

# All processes of the engine are in its network namespace, or are children of one that is.
processes() { ip netns pids "$netns" 2>/dev/null || true; }

# ---------------------------------------------------------------- network

# Calls COMMAND... TABLE CHAIN RULE... for each packet filter rule of the bridge.
each_rule() {
  local net=$SUBNET.0/24 tag=(-m comment --comment "$BRIDGE: throw-away Docker engines")
  # The filter also sees traffic between two ports of the bridge where bridge-nf-call-iptables is on.
  "$@" filter FORWARD -i "$BRIDGE" "${tag[@]}" -j ACCEPT
  "$@" filter FORWARD -o "$BRIDGE" "${tag[@]}" -j ACCEPT
  "$@" nat POSTROUTING -s "$net" ! -d "$net" "${tag[@]}" -j MASQUERADE
  # The way out may have a smaller MTU than the bridge, and not every network answers with "too big".
  "$@" mangle FORWARD -s "$net" ! -d "$net" -p tcp --tcp-flags SYN,RST SYN "${tag[@]}" -j TCPMSS --clamp-mss-to-pmtu
}
add_rule() {
  local table=$1 chain=$2
  shift 2
  iptables -w -t "$table" -C "$chain" "$@" 2>/dev/null || iptables -w -t "$table" -I "$chain" "$@"
}
delete_rule() {
  local table=$1 chain=$2
  shift 2
  while iptables -w -t "$table" -D "$chain" "$@" 2>/dev/null; do :; done
}

bridge_up() {
  if ! ip link show "$BRIDGE" &>/dev/null; then
    ip link add "$BRIDGE" type bridge
    ip addr add "$SUBNET.1/24" dev "$BRIDGE"
    ip link set "$BRIDGE" up
  fi
  each_rule add_rule
  if [[ $(</proc/sys/net/ipv4/ip_forward) == 0 ]]; then
    say "turned on net.ipv4.ip_forward, which the engines' way out needs (it stays on, as after any Docker start)"
    echo 1 >/proc/sys/net/ipv4/ip_forward
  fi
}

bridge_down() {
  each_rule delete_rule
  ip link delete "$BRIDGE" 2>/dev/null || true
}

free_address() {
  local n
  for n in {2..254}; do
    grep -qsx "$SUBNET.$n" "$RUN"/*/address || {
      echo "$SUBNET.$n"
      return
    }
  done
  fail "all addresses of $SUBNET.0/24 are taken by other engines; stop some with stop-all PARENT"
}

network_up() {
  bridge_up
  [[ -s $state/address ]] || free_address >"$state/address"
  if ! ip netns pids "$netns" &>/dev/null; then
    network_down # a name may be left from before a reboot
    ip netns add "$netns"
  fi
  if ! ip link show "$veth" &>/dev/null; then
    # One hardware address for each address: others may still remember the engine that had it before.
    ip link add "$veth" type veth peer name eth0 netns "$netns" \
      address "$(printf '02:00:0a:d5:00:%02x' "$(cut -d. -f4 "$state/address")")"
  fi
  ip link set "$veth" master "$BRIDGE" up
  ip -n "$netns" link set lo up
  ip -n "$netns" addr replace "$(<"$state/address")/24" dev eth0
  ip -n "$netns" link set eth0 up
  ip -n "$netns" route replace default via "$SUBNET.1"
}

network_down() {
  ip link delete "$veth" 2>/dev/null || true
  ip netns delete "$netns" 2>/dev/null || true
}

# ---------------------------------------------------------------- processes

# The engine's first process, started by launch() inside all namespaces but without its mounts yet.
inside() {
  use "$1"
  local name=$2 flags=() path
  shift 2
  while [[ ${1:-} == --disk=* || ${1:-} == --sshd=* ]]; do
    case $1 in
      --disk=*)
        mkdir -p "$dir/docker-data"
        mount -t tmpfs -o "size=${1#*=}" tmpfs "$dir/docker-data"
        ;;
      --sshd=*) start_sshd "${1#*=}" ;;
    esac
    shift
  done
  hostname "$name"
  # What dockerd and containerd keep at fixed places: trust key, sockets, network handles.
  for path in /etc/docker /run/docker /run/containerd; do
    mkdir -p "$path" "$dir/private$path"
  done
  mount --bind "$dir/private/etc/docker" /etc/docker
  mount -t tmpfs tmpfs /run/docker
  mount -t tmpfs tmpfs /run/containerd
  # As on any machine, the own name resolves; containers on the host's network inherit this file.
  { cat /etc/hosts && echo "$(<"$state/address") $name"; } >"$dir/private/etc/hosts"
  mount --bind "$dir/private/etc/hosts" /etc/hosts
  # A name server on loopback (systemd-resolved) can't be reached from another network namespace.
  if grep -Eq '^nameserver +(127\.|::1)' /etc/resolv.conf && [[ -f /run/systemd/resolve/resolv.conf ]]; then
    mount --bind /run/systemd/resolve/resolv.conf /etc/resolv.conf
  fi
  if [[ -d $CACHE/registry ]]; then
    REGISTRY_HTTP_ADDR=$MIRROR REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=$CACHE/registry \
      docker-registry serve "$(dirname "$SELF")/offline/registry.yml" &>"$dir/registry.log" &
    flags+=(--registry-mirror "http://$MIRROR")
  fi
  # cgroupfs: systemd would take the process ids of this namespace for its own.
  # Builds of several images at once ask for many names: a lost answer is asked for again soon, and more than twice.
  dockerd --dns-opt timeout:2 --dns-opt attempts:5 --host "unix://$socket" --data-root "$dir/docker-data" --pidfile /run/docker/pid \
    --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$netns" "${flags[@]}" "$@" &
  # This shell stays as the process that collects orphans; when dockerd ends, everything does.
  wait $!
}

# A login by ssh finds the docker CLI speaking to this engine, as on any machine, and no start-up files of the user.
start_sshd() { # KEYS
  mkdir -p "$dir/sshd" /run/sshd
  [[ -s $dir/sshd/host-key ]] || ssh-keygen -q -t ed25519 -N '' -f "$dir/sshd/host-key"
  cat >"$dir/sshd/config" <<-END
	HostKey $dir/sshd/host-key
	AuthorizedKeysFile $1
	StrictModes no
	PermitRootLogin prohibit-password
	PasswordAuthentication no
	KbdInteractiveAuthentication no
	PidFile none
	SetEnv DOCKER_HOST=unix://$socket HOME=$dir/sshd
	END
  /usr/sbin/sshd -D -e -f "$dir/sshd/config" &>"$dir/sshd.log" &
}

launch() { # [NAME [DOCKERD_FLAG...]]
  local arguments
  (($# == 0)) || printf '%s\n' "$@" >"$dir/arguments"
  mapfile -t arguments < <(cat "$dir/arguments" 2>/dev/null || echo "$netns")
  rm -f "$socket" "$dir/registry.log"
  : >"$dir/log"
  # nsenter, not `ip netns exec`: that one hides the cgroup mounts. slave: a mount namespace that
  # gets no unmounts would keep other engines' network namespaces alive.
  SWARM_PLATFORM_CACHE=$CACHE setsid nsenter --net="/run/netns/$netns" \
    unshare --uts --mount --propagation slave --pid --fork --kill-child --mount-proc \
    bash "$SELF" inside "$dir" "${arguments[@]}" </dev/null &>>"$dir/log" 9>&- &
  echo $! >"$dir/pid"
}

answers() { timeout 15 docker --host "unix://$socket" version &>/dev/null; }
mirror_answers() {
  [[ ! -e $dir/registry.log ]] || nsenter --net="/run/netns/$netns" bash -c "</dev/tcp/${MIRROR/:/\/}" 2>/dev/null
}

wait_for() { # CHECK WHAT LOG
  local check=$1 what=$2 log=$3 start=$SECONDS told=
  until "$check"; do
    # By the pid file: right after the launch no process is inside the network namespace yet.
    if ! kill -0 "$(<"$dir/pid")" 2>/dev/null || ((SECONDS - start >= START_TIMEOUT)); then
      say "$what did not answer within $((SECONDS - start)) s; the last lines of its log:"
      tail -n 15 "$log" >&2
      return 1
    fi
    if [[ -z $told ]] && ((SECONDS - start >= 2)); then
      say "waiting for $what (at most $START_TIMEOUT s)"
      told=yes
    fi
    sleep 0.1
  done
}

# Kills all processes of the engine and returns when they are gone. The one in the pid file is spared
# while there are others: it ends by itself as soon as the last process of the namespace has ended.
terminate() {
  local tries all inner
  for ((tries = 0; tries < 200; tries++)); do
    all=$(processes)
    [[ -n $all ]] || return 0
    inner=$(grep -vxF "$(cat "$dir/pid" 2>/dev/null)" <<<"$all" || true)
    xargs kill -KILL <<<"${inner:-$all}" 2>/dev/null || true
    sleep 0.05
  done
  fail "these processes of the engine in $dir do not end: $(processes | xargs)"
}

# ---------------------------------------------------------------- commands

start() {
  use "$1"
  require
  mkdir -p "$dir"
  if [[ ! -e $dir/$MARKER ]]; then
    [[ -z $(ls -A "$dir") ]] || fail "$dir is not empty and holds no engine; give a new or an empty folder"
    touch "$dir/$MARKER"
    on_failure=discard
  else
    on_failure=terminate
  fi
  lock
  trap 'trap - EXIT; unlock; "$on_failure"' EXIT
  trap 'exit 130' INT TERM
  mkdir -p "$state"
  echo "$dir" >"$state/dir"
  if [[ -z $(processes) ]]; then
    network_up
    launch "${@:2}"
  else
    on_failure=:
  fi
  unlock
  wait_for answers "the engine's socket $socket" "$dir/log"
  wait_for mirror_answers "the engine's image mirror" "$dir/registry.log"
  trap - EXIT INT TERM
  printf '%s\n' "DOCKER_HOST=unix://$socket" "ENGINE_ADDRESS=$(<"$state/address")" "NETNS=$netns" "PID=$(<"$dir/pid")"
}

cable() { # up|down
  use "$1"
  require
  known
  ip link set "$veth" "$2"
}

restart() {
  use "$1"
  require
  known
  local dockerd tries
  dockerd=$(pgrep -x dockerd --ns "$(cat "$dir/pid")" --nslist net || true)
  if [[ -n $dockerd ]]; then
    kill -TERM "$dockerd"
    for ((tries = 0; tries < STOP_TIMEOUT * 10; tries++)); do
      [[ -n $(processes) ]] || break
      sleep 0.1
    done
  fi
  terminate
  start "$1"
}

# An engine may be unknown because it was stopped before, or because DIR never was one.
known() { [[ -e $dir/$MARKER ]] || fail "$dir holds no engine; start one there first"; }

# Deletes everything of the engine; does nothing when there is nothing.
discard() {
  local cgroup
  terminate
  # The marker goes last, so that a stop that was interrupted can be repeated.
  [[ ! -e $dir/$MARKER ]] || { rm -rf "$dir/docker-data" && rm -rf "$dir"; }
  lock
  network_down
  for cgroup in "/sys/fs/cgroup/$netns" /sys/fs/cgroup/*/"$netns"; do
    [[ ! -d $cgroup ]] || find "$cgroup" -depth -type d -exec rmdir {} \; 2>/dev/null || true
  done
  rm -rf "$state"
  compgen -G "$RUN/*/dir" >/dev/null || bridge_down
  unlock
}

stop() {
  use "$1"
  require
  discard
}

stop_all() {
  local parent file
  parent=$(realpath -m -- "$1")
  for file in "$RUN"/*/dir; do
    [[ -e $file && $(<"$file")/ == "${parent%/}"/* ]] || continue
    stop "$(<"$file")"
  done
}

command=${1:-}
shift || true
[[ -n ${1:-} ]] || usage
case $command in
  start | restart | stop) "$command" "$@" ;;
  stop-all) stop_all "$1" ;;
  cut) cable "$1" down ;;
  heal) cable "$1" up ;;
  kill)
    use "$1"
    require
    known
    terminate
    ;;
  inside) inside "$@" ;;
  *) usage ;;
esac
