#!/usr/bin/env bash
# Brings the machine what the project lacks, and nothing that it has:
#
#   bootstrap.sh up     Node, npm packages, Pulumi with its plugins, a running Docker engine, base images
#   bootstrap.sh test   the same, but no engine: tests start engines of their own
#   bootstrap.sh slow   the same as test, with the base images of all examples, and k6
#   bootstrap.sh vm     the same as test, and what a virtual machine needs: qemu and a disk of Debian packages
#   bootstrap.sh unit   Node, npm packages, Pulumi and Go, which is all that unit tests need
#   bootstrap.sh load   Node, npm packages, Pulumi and k6
#   bootstrap.sh pulumi Node, npm packages and Pulumi
#
# Each step looks first, says in one line what it does and why, and may be interrupted and repeated.
# Official downloads are taken where they can be reached, else package registries (tools/offline/);
# OFFLINE=1 or OFFLINE=0 decides that without a probe.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly PULUMI_SITE=https://get.pulumi.com
readonly NODE_SITE=https://nodejs.org
readonly K6_SITE=https://github.com
readonly IMAGE_SITE=https://registry-1.docker.io
readonly PROBE_SECONDS=4
readonly NODE_MAJOR=24 # brought where there is no Node of at least NODE_LEAST
readonly NODE_LEAST=22.22.0 # what the Kafka client needs
readonly PULUMI_LEAST=3.238.0 # the first CLI in which a failing hook fails the update
readonly ENGINE_WAIT=60       # seconds

purpose=${1:-up}
readonly USERS_DOCKER_HOST=${DOCKER_HOST:-}
# shellcheck source=tools/env.sh
. tools/env.sh
readonly CACHE=$SWARM_PLATFORM_CACHE
mkdir -p "$CACHE"

say() { echo "bootstrap: $*" >&2; }
fail() {
  say "$*"
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# at_least WANTED FOUND: whether the version FOUND is WANTED or newer.
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n1)" = "$1" ]; }

# Runs a long command with its output in a log; shows the seconds on a terminal, the log's end on failure.
quietly() {
  local what=$1 log start=$SECONDS
  shift
  mkdir -p "$CACHE/log"
  log=$CACHE/log/${what//[^a-z0-9]/-}.log
  "$@" >"$log" 2>&1 </dev/null &
  local pid=$!
  # Not our exit alone: what was started must not outlive an interrupt.
  trap 'kill "$pid" 2>/dev/null; exit 130' INT TERM
  while kill -0 "$pid" 2>/dev/null; do
    [ -t 2 ] && printf '\r  %s ... %s s ' "$what" $((SECONDS - start)) >&2
    sleep 0.2
  done
  trap - INT TERM
  [ -t 2 ] && printf '\r\033[K' >&2
  wait "$pid" || {
    tail -n 20 "$log" >&2
    fail "$what failed; the whole log is $log"
  }
}

# Whether the official download at URL is to be used.
reachable() {
  case ${OFFLINE:-} in
  1) return 1 ;;
  0) return 0 ;;
  esac
  have curl || return 1
  curl --silent --output /dev/null --max-time "$PROBE_SECONDS" "$1"
}

# The Debian packages of commands that are missing, COMMAND or COMMAND:PACKAGE each, if we may install
# them; else says which to install. By command, so that another vendor's package will do.
packages() {
  local missing=() entry
  for entry in "$@"; do
    have "${entry%%:*}" || missing+=("${entry#*:}")
  done
  ((${#missing[@]})) || return 0
  if ((EUID != 0)) || ! have apt-get; then
    fail "these are needed and not here: ${missing[*]}; install them (as root on Debian or Ubuntu: apt-get install ${missing[*]})"
  fi
  say "installing Debian packages: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  quietly "apt-get update" apt-get update
  quietly "apt-get install" apt-get install -y --no-install-recommends "${missing[@]}"
}

# ---------------------------------------------------------------- Node and npm packages

node_will_do() { have node && have npm && at_least "$NODE_LEAST" "$(node --version | tr -d v)"; }

step_node() {
  node_will_do && return
  if ! have npm && reachable "$NODE_SITE"; then
    node_from_site
  else
    packages npm
    say "bringing Node $NODE_MAJOR from npm's package node, because Node $NODE_LEAST or newer is needed and here is $(node --version)"
    quietly "npm install node" npm install --no-audit --no-fund --prefix "$CACHE/node-package" "node@$NODE_MAJOR"
    mkdir -p "$CACHE/node/bin"
    ln -sfn "$CACHE/node-package/node_modules/node/bin/node" "$CACHE/node/bin/node"
  fi
  PATH=$CACHE/node/bin:$PATH
  node_will_do || fail "Node $NODE_LEAST or newer is needed, and $(command -v node) is $(node --version); install it from $NODE_SITE"
}

node_from_site() {
  local os arch release
  os=$(uname -s | tr '[:upper:]' '[:lower:]')
  case $(uname -m) in x86_64) arch=x64 ;; *) arch=arm64 ;; esac
  say "downloading Node $NODE_MAJOR from $NODE_SITE, because there is no Node"
  release=$(curl -fsSL "$NODE_SITE/dist/latest-v$NODE_MAJOR.x/SHASUMS256.txt" | sed -n "s/.*  \(node-v.*-$os-$arch\)\.tar\.gz$/\1/p")
  fetch_tarball "$NODE_SITE/dist/latest-v$NODE_MAJOR.x/$release.tar.gz" "$CACHE/node"
}

# fetch_tarball URL FOLDER: unpacks without the archive's first folder, complete or not at all.
fetch_tarball() {
  rm -rf "$2.part"
  mkdir -p "$2.part"
  quietly "download" bash -c 'set -o pipefail; curl -fsSL "$1" | tar -xz --strip-components=1 -C "$2"' - "$1" "$2.part"
  rm -rf "$2"
  mv "$2.part" "$2"
}

step_npm() {
  # npm writes this file last, so an interrupted install is done again.
  [ node_modules/.package-lock.json -nt package-lock.json ] && return
  say "installing the npm packages of package-lock.json"
  quietly "npm ci" npm ci --no-audit --no-fund
  touch node_modules/.package-lock.json
}

# ---------------------------------------------------------------- Pulumi

# The one in the cache is of the wanted version, and need not be asked.
pulumi_will_do() {
  [ "$(command -v pulumi)" != "$CACHE/pulumi-$PULUMI_VERSION_WANTED/pulumi" ] || return 0
  have pulumi && at_least "$PULUMI_LEAST" "$(pulumi version 2>/dev/null | tr -d v)"
}
# The script for dynamic providers is part of the CLI.
plugins_there() { [ -d "$PULUMI_HOME/plugins/resource-docker-v$1" ] && [ -d "$PULUMI_HOME/plugins/resource-command-v$2" ] && have pulumi-resource-pulumi-nodejs; }

# The CLI packs and encrypts all its debug messages into files of this folder, which took 40 % of its time in a preview of
# 50 services, and goes without where it can't have the folder. One that is there stays.
no_pulumi_logs() {
  [ -e "$PULUMI_HOME/logs" ] && return
  mkdir -p "$PULUMI_HOME"
  : >"$PULUMI_HOME/logs"
}

step_pulumi() {
  local docker command
  no_pulumi_logs
  docker=$(npm_version docker)
  command=$(npm_version command)
  if pulumi_will_do && plugins_there "$docker" "$command"; then return; fi
  if reachable "$PULUMI_SITE"; then
    pulumi_from_site "$docker" "$command"
  else
    say "building Pulumi from Go modules (about 6 minutes, once), because its downloads can't be reached"
    step_go
    tools/offline/build-programs.sh pulumi
  fi
  PATH=$CACHE/pulumi-$PULUMI_VERSION_WANTED:$PATH
  pulumi_will_do || fail "Pulumi $PULUMI_LEAST or newer is needed, and $(command -v pulumi) is $(pulumi version)"
}

npm_version() { sed -n "s/^ *\"@pulumi\/$1\": \"\(.*\)\",\{0,1\}\$/\1/p" package.json; }

pulumi_from_site() {
  local os arch
  if ! pulumi_will_do; then
    os=$(uname -s | tr '[:upper:]' '[:lower:]')
    case $(uname -m) in x86_64) arch=x64 ;; *) arch=arm64 ;; esac
    say "downloading Pulumi $PULUMI_VERSION_WANTED, because there is none of at least $PULUMI_LEAST"
    fetch_tarball "$PULUMI_SITE/releases/sdk/pulumi-v$PULUMI_VERSION_WANTED-$os-$arch.tar.gz" "$CACHE/pulumi-$PULUMI_VERSION_WANTED"
    PATH=$CACHE/pulumi-$PULUMI_VERSION_WANTED:$PATH
  fi
  say "downloading the Pulumi plugins docker $1 and command $2"
  quietly "plugin docker" pulumi plugin install resource docker "$1"
  quietly "plugin command" pulumi plugin install resource command "$2"
}

# Go is needed only to build on the offline route. An older one brings the newer as a Go module.
step_go() {
  packages go:golang-go
  at_least 1.26 "$(go env GOVERSION | tr -d go)" && return
  local machine module
  case $(uname -m) in x86_64) machine=amd64 ;; *) machine=arm64 ;; esac
  module=golang.org/toolchain@v0.0.1-go1.26.0.linux-$machine
  say "bringing Go 1.26 as the module $module, because here is $(go env GOVERSION)"
  quietly "go toolchain" env GOFLAGS=-mod=mod go mod download -modcacherw "$module"
  local folder
  folder=$(go env GOMODCACHE)/$module
  chmod -R +x "$folder/bin" "$folder/pkg/tool" # module archives carry no permission bits
  PATH=$folder/bin:$PATH
}

# ---------------------------------------------------------------- k6

k6_will_do() { have k6 && at_least "$K6_VERSION_WANTED" "$(k6 version 2>/dev/null | sed -n 's/^k6[^ ]* v\([0-9.]*\).*/\1/p')"; }

# The load generator as a program, not as the image grafana/k6: so it asks from this machine, as users do, wherever the engine
# is, and needs none to be built.
step_k6() {
  k6_will_do && return
  # For other systems its releases are no tarballs.
  if [ "$(uname -s)" = Linux ] && reachable "$K6_SITE"; then
    local arch
    case $(uname -m) in x86_64) arch=amd64 ;; *) arch=arm64 ;; esac
    say "downloading k6 $K6_VERSION_WANTED, because there is none of at least that version"
    fetch_tarball "$K6_SITE/grafana/k6/releases/download/v$K6_VERSION_WANTED/k6-v$K6_VERSION_WANTED-linux-$arch.tar.gz" "$CACHE/k6-$K6_VERSION_WANTED"
  else
    say "building k6 $K6_VERSION_WANTED from Go modules (about 3 minutes, once), because there is none of at least that version and no download of it"
    step_go
    tools/offline/build-programs.sh k6
  fi
  PATH=$CACHE/k6-$K6_VERSION_WANTED:$PATH
  k6_will_do || fail "k6 $K6_VERSION_WANTED or newer is needed, and $(command -v k6) is $(k6 version)"
}

# ---------------------------------------------------------------- Docker engine and images

engine_answers() { docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

step_engine() {
  # A fault in a stack file is told, and what is to be done may be possible all the same.
  mapfile -t base_images < <(images "${STACK:-dev}")
  # The stack may name managers elsewhere, which can be asked only now that Node and its packages are there.
  if [ -z "$USERS_DOCKER_HOST" ] && grep -Eqs 'host"?: *[^ ]' "Pulumi.${STACK:-dev}.yaml"; then
    packages docker:docker.io ssh:openssh-client
    DOCKER_HOST=
    . tools/env.sh
  fi
  if have docker && engine_answers; then return; fi
  case $DOCKER_HOST in
  unix:///var/run/docker.sock) ;;
  *) fail "the Docker engine at $DOCKER_HOST does not answer; start it, or unset DOCKER_HOST for the one that the stack names or this machine has" ;;
  esac
  if [ "$(uname -s)" = Darwin ]; then
    fail "no Docker engine answers; start Docker Desktop (open -a Docker), or install it from https://docs.docker.com/desktop/"
  fi
  packages dockerd:docker.io docker:docker.io iptables ip:iproute2
  if [ -d /run/systemd/system ]; then
    say "starting the Docker engine with systemctl, because it does not answer"
    systemctl start docker
  else
    start_dockerd
  fi
  local until=$((SECONDS + ENGINE_WAIT))
  until engine_answers; do
    ((SECONDS < until)) || fail "the Docker engine did not answer within $ENGINE_WAIT s; see $CACHE/log/dockerd.log"
    sleep 0.2
  done
}

# Without an init system the engine is ours to start; it goes on until the machine stops or somebody
# ends it (kill "$(cat <cache>/run/dockerd.pid)").
start_dockerd() {
  ((EUID == 0)) || fail "the Docker engine does not run, and starting it needs root; start it, or run this as root"
  local mirror=()
  if ! reachable "$IMAGE_SITE"; then
    step_offline_images "${base_images[@]}"
    mirror=(--registry-mirror "$(tools/offline/serve-images.sh start)")
  fi
  say "starting dockerd in the background, because no engine answers and there is no init system"
  mkdir -p "$CACHE/run" "$CACHE/log"
  setsid dockerd --pidfile "$CACHE/run/dockerd.pid" "${mirror[@]}" >"$CACHE/log/dockerd.log" 2>&1 </dev/null &
}

# The images that stacks name.
images() { # STACK...
  local stack
  for stack in "$@"; do STACK=$stack node --import ./tools/typescript.mjs tools/images.mjs; done
}

step_offline_images() { # [IMAGE...]
  packages dockerd:docker.io docker:docker.io iptables ip:iproute2 pgrep:procps docker-registry mmdebstrap mvn:maven
  step_go
  tools/offline/build-images.sh "$@"
}

# Not all examples are deployed by the quick tests.
step_test_images() {
  # shellcheck disable=SC2046 # words
  step_offline_images busybox:1.35 $(images dev prod hit-counter visualizer)
}

# The images that the stack names, for the engine's own pull to be spared where it can't reach them.
step_images() {
  ((${#base_images[@]})) || return 0
  docker image inspect "${base_images[@]}" >/dev/null 2>&1 && return
  reachable "$IMAGE_SITE" && return
  step_offline_images "${base_images[@]}"
  # An engine of the user's knows no mirror: it gets the images themselves.
  if [ -s "$CACHE/run/dockerd.pid" ] && kill -0 "$(cat "$CACHE/run/dockerd.pid")" 2>/dev/null; then
    tools/offline/serve-images.sh start >/dev/null
  else
    tools/offline/load-images.sh
  fi
}

# Checks the scripts of the workflows (tools/actionlint.sh), where it can be had.
step_shellcheck() {
  ((EUID == 0)) && have apt-get || return 0
  packages shellcheck
}

# qemu, and the disk of the tests' virtual machine. Where there can be none, its tests are skipped and say why.
step_machine() {
  [ "$(uname -sm)" = "Linux x86_64" ] && ((EUID == 0)) || return 0
  packages qemu-system-x86_64:qemu-system-x86 mmdebstrap mke2fs:e2fsprogs ssh:openssh-client ss:iproute2
  tools/throwaway-vm.sh build
}

# ---------------------------------------------------------------- the stack's folder

# A passphrase of this machine's own, and the stack, so that plain `pulumi up` works too.
step_stack() {
  if ! [ -s .state/passphrase ]; then
    mkdir -p .state
    (umask 077 && head -c 32 /dev/urandom | base64 >.state/passphrase.part)
    mv .state/passphrase.part .state/passphrase
  fi
  # Git never sees the passphrase's salt, which pulumi writes into the tracked stack file.
  git config filter.pulumi-salt.clean "sed '/^encryptionsalt:/d'" 2>/dev/null || true
  tools/stack.sh init
}

packages curl update-ca-certificates:ca-certificates
step_node
step_npm
step_pulumi
case $purpose in
up)
  step_engine
  step_images
  step_stack
  ;;
test | slow)
  # With an init system the package would start an sshd of the machine; there, those tests are skipped.
  [ -d /run/systemd/system ] || packages sshd:openssh-server ssh-keygen:openssh-client
  # The tests' engines are always offline ones: the same images on every machine.
  if [ "$purpose" = slow ]; then
    step_offline_images
    step_k6
  else
    step_test_images
  fi
  step_shellcheck
  ;;
vm)
  step_test_images
  step_machine
  ;;
unit)
  step_go
  step_shellcheck
  ;;
load) step_k6 ;;
pulumi) ;;
*) fail "usage: bootstrap.sh up|test|slow|vm|unit|load|pulumi" ;;
esac
