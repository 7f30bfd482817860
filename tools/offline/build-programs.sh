#!/usr/bin/env bash
# Builds programs from Go modules, for machines that can't reach their downloads (README.md). What is there and was built
# from the same inputs stays. Needs Go 1.26 or newer, on PATH or as $GO.
#
#   build-programs.sh pulumi   stand-ins for Pulumi: the CLI and the language host into the cache's folder pulumi-<version>,
#                              the plugins into its pulumi-home
#   build-programs.sh k6       the load generator into the cache's folder k6-<version>
set -euo pipefail

# The only place for these versions; they are those of package.json. That of k6 is in its go.mod.
readonly PULUMI_VERSION=3.256.0
readonly DOCKER_VERSION=5.2.0
readonly COMMAND_VERSION=1.2.1
readonly GO_LEAST=1.26

here=$(dirname "$(realpath "$0")")
cache=${SWARM_PLATFORM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/swarm-platform}
work=$cache/program-build
go=${GO:-go}
readonly here cache work go
readonly bin=$cache/pulumi-$PULUMI_VERSION
readonly plugins=$cache/pulumi-home/plugins

# The machine's Go cache and registry settings apply; these would change what is built.
export CGO_ENABLED=0 GOWORK=off GOFLAGS="-mod=readonly -trimpath -buildvcs=false"

fail() {
  echo "build-programs: $*" >&2
  exit 1
}

# at_least WANTED FOUND: whether the version FOUND is WANTED or newer.
at_least() { [[ $(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n1) == "$1" ]]; }

check_go() {
  local found
  command -v "$go" >/dev/null ||
    fail "there is no '$go': install Go $GO_LEAST or newer, or set GO to its path"
  # Asked inside a module, because there Go may fetch the newer toolchain that go.mod names.
  found=$(cd "$here/pulumi-cli" && "$go" env GOVERSION 2>/dev/null) || true
  if [[ -z $found ]] || ! at_least "$GO_LEAST" "${found#go}"; then
    fail "$(command -v "$go") is ${found:-older}: install Go $GO_LEAST or newer, or set GO to its path"
  fi
}

# One hash over all that decides what a binary becomes, but for Go itself.
inputs() { # MODULE LDFLAGS
  (
    cd "$here/$1"
    echo "$2 $GOFLAGS"
    find . -type f \( -name go.mod -o -name go.sum -o -name '*.go' \) ! -name '*_test.go' -print0 | sort -z | xargs -0 cat
  ) | sha256sum | cut -d' ' -f1
}

pid=
clean_up() {
  if [[ -n $pid ]]; then
    kill "$pid" 2>/dev/null || true
    echo " stopped"
  fi
  rm -rf "$work.$$"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

build() { # MODULE PACKAGE BINARY LDFLAGS
  local wanted name=${3##*/} start=$SECONDS
  wanted=$(inputs "$1" "$4")
  [[ ! -x $3 || $(cat "$3.inputs" 2>/dev/null) != "$wanted" ]] || return 0

  printf 'build-programs: building %s from Go modules ' "$name"
  mkdir -p "$work.$$"
  "$go" build -C "$here/$1" -ldflags "-s -w $4" -o "$work.$$/$name" "$2" >"$work.$$/log" 2>&1 &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    sleep 1
    (((SECONDS - start) % 10)) || printf .
  done
  wait "$pid" || {
    pid=
    echo " failed"
    tail -n 20 "$work.$$/log" >&2
    fail "$name could not be built; run it again to go on from here"
  }
  pid=
  # The folder comes last: whoever sees it takes the plugin for installed.
  mkdir -p "${3%/*}"
  mv "$work.$$/$name" "$3"
  echo "$wanted" >"$3.inputs"
  echo " $((SECONDS - start)) s"
}

build_pulumi() {
  build pulumi-cli github.com/pulumi/pulumi/pkg/v3/cmd/pulumi "$bin/pulumi" \
    "-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=$PULUMI_VERSION"
  build pulumi-language-nodejs . "$bin/pulumi-language-nodejs" "-X main.version=$PULUMI_VERSION"
  build pulumi-resource-docker . "$plugins/resource-docker-v$DOCKER_VERSION/pulumi-resource-docker" "-X main.version=$DOCKER_VERSION"
  build pulumi-resource-command . "$plugins/resource-command-v$COMMAND_VERSION/pulumi-resource-command" "-X main.version=$COMMAND_VERSION"

  # Starts the npm package's own process for dynamic providers; the official CLI has it beside it too.
  local sdk
  sdk=$("$go" -C "$here/pulumi-cli" list -m -f '{{.Dir}}' github.com/pulumi/pulumi/sdk/v3)
  install -m 755 "$sdk/nodejs/dist/pulumi-resource-pulumi-nodejs" "$bin/"
}

build_k6() {
  local version
  version=$("$go" -C "$here/k6" list -m -f '{{.Version}}' go.k6.io/k6)
  build k6 go.k6.io/k6 "$cache/k6-${version#v}/k6" ""
}

case ${1:-} in
pulumi | k6) ;;
*) fail "usage: build-programs.sh pulumi|k6" ;;
esac
check_go
"build_$1"
