#!/usr/bin/env bash
# A virtual machine with a full kernel (IPVS, ESP, VXLAN) and the Docker engine of Debian 13, for tests of what the kernel
# or the engine of this machine can't do. Needs no acceleration, no root in the guest's network, and no downloads but
# Debian's packages.
#
#   throwaway-vm.sh build             makes the machine's disk in the cache, once
#   throwaway-vm.sh start DIR         boots one with a disk of its own; no engine runs in it yet
#   throwaway-vm.sh stop DIR          ends it at once and deletes all it had, DIR too
#   throwaway-vm.sh stop-all PARENT   stops every machine at or below PARENT
#
# `start` waits until the machine can be logged in to and prints, as the only text on stdout:
#   SSH_CONFIG=file  MIRROR=http://10.0.2.2:n  PID=n     (one a line)
# `ssh -F SSH_CONFIG vm` logs in as root, over one connection for all. MIRROR is a registry mirror of the image cache
# (tools/offline) for engines in the machine. The end of PID is the end of everything.
#
# The machine's network is qemu's own: nothing is set up outside, and two ports are opened, on loopback.
# In DIR: key, ssh-config, ssh (the connection's socket), log, console, registry.log, pid.
set -euo pipefail

readonly SUITE=trixie
readonly PACKAGES=linux-image-cloud-amd64,docker.io,docker-cli,docker-registry,iptables,iproute2,procps,openssh-server,tcpdump,ca-certificates,pigz
readonly DISK_SIZE=12G # sparse
readonly MEMORY=6G
readonly START_TIMEOUT=180 # seconds
readonly MARKER=throwaway-vm
CACHE=$(realpath -m -- "${SWARM_PLATFORM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/swarm-platform}")
SELF=$(realpath "$0")
TOOLS=$(dirname "$SELF")
readonly CACHE SELF TOOLS

say() { echo "throwaway-vm: $*" >&2; }
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
  ((EUID == 0)) || fail "needs root, for mmdebstrap and for a process namespace; run it with sudo"
  [[ $(uname -sm) == "Linux x86_64" ]] || fail "the machine is an amd64 one on Linux, and here is $(uname -sm)"
  for entry in qemu-system-x86_64:qemu-system-x86 mmdebstrap mke2fs:e2fsprogs ssh:openssh-client ss:iproute2 \
    pgrep:procps docker-registry unshare:util-linux; do
    command -v "${entry%%:*}" >/dev/null || missing+=("${entry#*:}")
  done
  ((${#missing[@]} == 0)) || fail "these packages are missing: ${missing[*]}; install them with apt-get install ${missing[*]}"
}

# ---------------------------------------------------------------- the disk

build() {
  require
  local vm=$CACHE/vm inputs start=$SECONDS
  inputs=$({ echo "$SUITE $PACKAGES $DISK_SIZE" && declare -f make_disk && cat "$TOOLS/vm-init.sh"; } | sha256sum)
  mkdir -p "$vm"
  exec 8>"$vm/lock"
  flock 8
  if [[ $(cat "$vm/inputs" 2>/dev/null) != "$inputs" ]]; then
    say "making the machine's disk from packages of Debian $SUITE (about a minute, once)"
    rm -rf "$vm"/{inputs,disk,kernel,root}
    # Not in an `if` or before `||`, where bash would ignore failures inside.
    trap 'say "that failed; the end of the log $vm/log:"; tail -n 20 "$vm/log" >&2; rm -rf "$vm/root"' EXIT
    make_disk "$vm" &>"$vm/log"
    trap - EXIT
    echo "$inputs" >"$vm/inputs"
    say "made in $((SECONDS - start)) s"
  fi
  exec 8>&-
}

make_disk() { # FOLDER
  local sources mirror=()
  sources=$("$TOOLS/offline/debian-sources.sh" "$SUITE")
  [[ -z $sources ]] || mirror=(-)
  # No initrd: this kernel has the drivers of the disk (NVMe) and of its file system inside.
  # shellcheck disable=SC2016
  INITRD=No mmdebstrap --variant=minbase --include="$PACKAGES" \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/info/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
    --customize-hook="upload $TOOLS/vm-init.sh /sbin/init" --customize-hook='chmod 755 "$1/sbin/init"' \
    "$SUITE" "$1/root" "${mirror[@]}" <<<"$sources"
  cp "$1/root/vmlinuz" "$1/kernel"
  mke2fs -t ext4 -d "$1/root" "$1/disk" "$DISK_SIZE"
  rm -rf "$1/root"
}

# ---------------------------------------------------------------- the machine

# Sets the names that follow from the machine's folder.
use() {
  dir=$(realpath -m -- "$1")
  config=$dir/ssh-config
}

# The first process of the machine's process namespace.
inside() {
  use "$1"
  if [[ -d $CACHE/registry ]]; then
    REGISTRY_HTTP_ADDR=127.0.0.1:0 REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=$CACHE/registry \
      docker-registry serve "$TOOLS/offline/registry.yml" &>"$dir/registry.log" &
  fi
  # No KVM, even where there is a /dev/kvm: a nested one may be there and crash.
  # snapshot: what is written goes to a file of this process's own, which vanishes with it.
  # apparmor=0: dockerd would use AppArmor, whose tools are not there.
  TMPDIR=$dir qemu-system-x86_64 -machine q35 -accel tcg,thread=multi -cpu max,-erms,-fsrm -smp 2 -m "$MEMORY" \
    -nodefaults -no-user-config -display none -no-reboot -serial "file:$dir/console" \
    -kernel "$CACHE/vm/kernel" \
    -append "console=ttyS0 quiet root=/dev/nvme0n1 rw panic=-1 net.ifnames=0 apparmor=0 mitigations=off SSH_KEY=$(cut -d' ' -f2 "$dir/key.pub")" \
    -drive "file=$CACHE/vm/disk,format=raw,if=none,id=disk,snapshot=on,cache=unsafe" -device nvme,drive=disk,serial=disk \
    -netdev user,id=net,hostfwd=tcp:127.0.0.1:0-:22 -device virtio-net-pci,netdev=net,romfile= -device virtio-rng-pci &
  wait $!
}

# The loopback port on which a process of the machine listens; nothing while there is none.
port_of() { # PROCESS
  local pid
  pid=$(pgrep --ns "$(pgrep -P "$(<"$dir/pid")")" --nslist pid "^$1" 2>/dev/null) || return 0
  ss -Hltnp | sed -n "s/.* 127\.0\.0\.1:\([0-9]*\) .*[,(]pid=$pid,.*/\1/p"
}

# Whether the machine's first process runs; its number may be another one's by now.
running() { tr '\0' ' ' 2>/dev/null <"/proc/$(cat "$dir/pid" 2>/dev/null)/cmdline" | grep -qF " inside $dir "; }

write_config() { # PORT
  cat >"$config" <<END
Host vm
  HostName 127.0.0.1
  Port $1
  User root
  IdentityFile $dir/key
  IdentitiesOnly yes
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  LogLevel ERROR
  ConnectTimeout 15
  ControlPath $dir/ssh
END
}

# Ends with the connection open that all others share.
wait_for_login() {
  local start=$SECONDS told='' port
  until port=$(port_of qemu-system) && [[ -n $port ]] && write_config "$port" &&
    ssh -F "$config" -MNf vm </dev/null &>>"$dir/log"; do
    if ! running || ((SECONDS - start >= START_TIMEOUT)); then
      say "the machine could not be logged in to within $((SECONDS - start)) s; the ends of its log and console:"
      tail -n 15 "$dir/log" "$dir/console" >&2
      return 1
    fi
    if [[ -z $told ]] && ((SECONDS - start >= 2)); then
      say "waiting for the machine to boot (at most $START_TIMEOUT s)"
      told=yes
    fi
    sleep 0.2
  done
}

start() {
  use "$1"
  build
  mkdir -p "$dir"
  [[ -z $(ls -A "$dir") ]] || fail "$dir is not empty; give a new or an empty folder"
  touch "$dir/$MARKER"
  trap 'trap - EXIT; discard' EXIT
  trap 'exit 130' INT TERM
  ssh-keygen -q -t ed25519 -N '' -C '' -f "$dir/key"
  SWARM_PLATFORM_CACHE=$CACHE setsid unshare --pid --fork --kill-child --mount-proc \
    bash "$SELF" inside "$dir" end </dev/null &>>"$dir/log" &
  echo $! >"$dir/pid"
  wait_for_login
  trap - EXIT INT TERM
  printf '%s\n' "SSH_CONFIG=$config" "MIRROR=http://10.0.2.2:$(port_of docker-registry)" "PID=$(<"$dir/pid")"
}

discard() {
  if running; then
    kill -KILL "$(<"$dir/pid")"
    while running; do sleep 0.05; done
  fi
  rm -rf "$dir"
}

stop() {
  use "$1"
  [[ ! -e $dir ]] || [[ -e $dir/$MARKER ]] || fail "$dir holds no machine"
  discard
}

stop_all() {
  local marker
  find "$(realpath -m -- "$1")" -name "$MARKER" 2>/dev/null | while read -r marker; do stop "$(dirname "$marker")"; done
}

command=${1:-}
shift || true
case $command:$# in
  build:0) build ;;
  start:1 | stop:1) "$command" "$1" ;;
  stop-all:1) stop_all "$1" ;;
  inside:2) inside "$1" ;;
  *) usage ;;
esac
