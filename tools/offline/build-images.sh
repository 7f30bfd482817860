#!/usr/bin/env bash
# Builds base images from Debian, Maven and Go packages for machines that can't reach Docker Hub, and keeps them in
# the folder registry/ of the cache under their public names. They are real software but not the official images,
# and their labels say so. serve-images.sh and load-images.sh bring them to an engine; throwaway-engine.sh serves
# them to its engines by itself.
#
#   build-images.sh [IMAGE...]   builds each of these that is missing or has other inputs than last time; by default all.
#                                What there is no recipe for is left out
#   build-images.sh list         prints the names of all, `name:tag` a line
#
# Newer packages alone do not cause a build: delete the cache's folder registry/ to have one.
set -euo pipefail

readonly DEBIAN=bookworm
readonly GO=1.26
readonly GO_TOOLCHAIN=go1.26.8 # fetched as a Go module when the machine's own is not a $GO
# Folder in images/, repository, tag, Debian suite. Tags are the versions that the packages have; the builds check it. A
# folder with a go.mod is of a Go program, the tool that it names.
readonly IMAGES=(
  "busybox library/busybox 1.35 $DEBIAN"
  "nginx library/nginx 1.26.3 trixie"
  "golang library/golang $GO-$DEBIAN $DEBIAN"
  "kafka apache/kafka 4.3.1 $DEBIAN"
  "registry library/registry 2.8.3 trixie"
  "redis library/redis 7.0.15 $DEBIAN"
  "postgres library/postgres 15 $DEBIAN"
  "ferretdb ferretdb/ferretdb 1.24.2 $DEBIAN"
  "consul hashicorp/consul 1.22.5 $DEBIAN"
)
readonly DESCRIPTION="built from Debian, Maven or Go packages by swarm-platform's offline route; not the official image"
readonly CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt # containers trust what the machine trusts: some networks re-sign TLS
readonly PUSH_ADDRESS=127.0.0.1:5001                  # on the loopback of the throw-away engine

here=$(dirname "$(realpath "$0")")
cache=$(realpath -m -- "${SWARM_PLATFORM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/swarm-platform}")
registry=$cache/registry
work=$cache/image-build
log=$cache/image-build.log
engine=$here/../throwaway-engine.sh
readonly here cache registry work log engine

say() { echo "build-images: $*"; }
fail() {
  echo "build-images: $*" >&2
  exit 1
}

require() {
  local missing=() entry
  ((EUID == 0)) || fail "needs root, for mmdebstrap and for the throw-away engine; run it with sudo"
  for entry in mmdebstrap:mmdebstrap mvn:maven docker-registry:docker-registry docker:docker.io \
    /usr/share/keyrings/debian-archive-keyring.gpg:debian-archive-keyring $CA_BUNDLE:ca-certificates; do
    command -v "${entry%%:*}" >/dev/null || [[ -f ${entry%%:*} ]] || missing+=("${entry#*:}")
  done
  ((${#missing[@]} == 0)) || fail "these packages are missing: ${missing[*]}; install them with apt-get install ${missing[*]}"
  command -v go >/dev/null || fail "Go is missing; install Go $GO, or any from 1.21 on, which can fetch Go $GO as a module"
}

# Runs COMMAND with its output in the log, and one line on the terminal: what, and how long it took.
# Not in an `if`, where bash would ignore failures inside COMMAND; at_exit reports a step that did not end.
step() { # WHAT COMMAND...
  local start=$SECONDS
  unfinished_step=$1
  printf 'build-images: %s ... ' "$1"
  printf '\n==== %s\n' "$1" >>"$log"
  "${@:2}" &>>"$log"
  unfinished_step=
  echo "$((SECONDS - start)) s"
}

at_exit() {
  local status=$?
  if [[ -n $unfinished_step ]]; then
    {
      echo "not finished"
      tail -n 25 "$log"
      echo "build-images: stopped at: $unfinished_step; the whole log is $log"
    } >&3
  fi
  clean_up
  exit "$status"
}

# ---------------------------------------------------------------- what to build

# Go's own settings of this machine are needed in containers too, if they are not the defaults.
go_setting() {
  local value
  value=$(go env "$1")
  [[ $value == "$(env -u "$1" GOENV=off go env "$1")" ]] || echo "$value"
}

find_go() {
  cd / # away from any go.mod
  [[ $(go env GOVERSION) =~ ^go${GO/./\\.}(\.|$) ]] || export GOTOOLCHAIN=$GO_TOOLCHAIN
  goroot=$(go env GOROOT)
  go_settings=(GOPROXY="$(go_setting GOPROXY)" GOSUMDB="$(go_setting GOSUMDB)" GOFLAGS="$(go_setting GOFLAGS)")
}

base_inputs() { # SUITE
  {
    echo "$1"
    declare -f make_base
    cat "$CA_BUNDLE"
  } | sha256sum
}

# One hash over all that decides what an image becomes, but for the packages' own versions. Of this script it has the
# functions that make the image, so that what is written for another one makes no difference.
inputs() { # FOLDER REPOSITORY TAG SUITE
  {
    echo "$*"
    (cd "$here/images/$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum)
    base_inputs "$4"
    # shellcheck disable=SC2046 # words
    declare -f build_image $(context_makers "$1")
    [[ $1 != golang ]] || echo "$(go env GOVERSION) ${go_settings[*]}"
  } | sha256sum | cut -d' ' -f1
}

# Says why the image must be built; nothing when it need not be.
why_build() { # FOLDER REPOSITORY TAG SUITE
  if [[ ! -s $registry/docker/registry/v2/repositories/$2/_manifests/tags/$3/current/link ]]; then
    echo "not there yet"
  elif [[ $(cat "$registry/inputs/$1" 2>/dev/null) != "$(inputs "$@")" ]]; then
    echo "its inputs changed"
  fi
}

# ---------------------------------------------------------------- building

# The lines of this machine's apt sources for a release; none when it runs another system. A mirror of one
# release has the others too.
apt_sources() { # SUITE
  # shellcheck disable=SC2016
  apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' |
    grep -E " $DEBIAN(-updates|-security)? main$" | sort -u | sed "s/ $DEBIAN/ $1/" || true
}

make_base() { # SUITE
  local sources mirror=()
  sources=$(apt_sources "$1")
  # Without a mirror, mmdebstrap takes its default; with "-", the sources on its standard input.
  [[ -z $sources ]] || mirror=(-)
  # A fixed time makes the same packages the same layer, shared with images of an earlier build.
  SOURCE_DATE_EPOCH=0 TMPDIR=$work mmdebstrap --variant=minbase --include=ca-certificates \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/info/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --customize-hook="copy-in $CA_BUNDLE $(dirname "$CA_BUNDLE")" \
    "$1" - "${mirror[@]}" <<<"$sources" | docker import - "offline-base:$1"
}

# Kept as the images are; it adds nothing to them, who have its layer.
bring_base() { # SUITE
  local kept=$PUSH_ADDRESS/offline-base:$1
  if [[ $(cat "$registry/inputs/base-$1" 2>/dev/null) == "$(base_inputs "$1")" ]]; then
    docker pull "$kept"
    docker tag "$kept" "offline-base:$1"
  else
    make_base "$1"
    docker tag "offline-base:$1" "$kept"
    docker push "$kept"
    mkdir -p "$registry/inputs"
    base_inputs "$1" >"$registry/inputs/base-$1"
  fi
}

# Functions that make the build context of an image when that is more than its folder. They set context, and may add to
# arguments.

context_golang() {
  local setting
  context=$goroot
  for setting in "${go_settings[@]}"; do arguments+=(--build-arg "$setting"); done
}

context_kafka() { # FOLDER VERSION
  context=$work/kafka
  cp -r "$here/images/kafka" "$context"
  mvn --batch-mode --quiet --file "$context/pom.xml" -Dkafka.version="$2" \
    dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$context/libs"
}

# The program is named after the folder.
context_go_program() { # FOLDER VERSION [MODULE=FOLDER]
  context=$work/$1
  cp -r "$here/images/$1" "$context"
  [[ -z ${3:-} ]] || go mod edit -replace "$3" "$context/go.mod"
  CGO_ENABLED=0 go build -C "$context" -trimpath -ldflags="-s -w" -o "$context/$1" tool
}

# The program does not start without a file that its releases have and its module has not.
context_ferretdb() { # FOLDER VERSION
  local module=github.com/FerretDB/FerretDB source=$work/ferretdb-source
  go mod download -C "$here/images/$1" $module
  cp -r --no-preserve=mode "$(go list -C "$here/images/$1" -m -f '{{.Dir}}' $module)" "$source"
  echo "v$2" >"$source/build/version/version.txt"
  context_go_program "$@" "$module=$source"
}

# Names of these functions for an image, the one to call first; none where the folder is the context.
context_makers() { # FOLDER
  declare -F "context_$1" || true
  [[ ! -f $here/images/$1/go.mod ]] || echo context_go_program
}

build_image() { # FOLDER REPOSITORY TAG SUITE
  local context=$here/images/$1 arguments=(--build-arg "DEBIAN=$4" --build-arg "VERSION=$3") makers
  mapfile -t makers < <(context_makers "$1")
  ((${#makers[@]} == 0)) || "${makers[0]}" "$1" "$3"
  docker build --file "$here/images/$1/Dockerfile" --tag "$PUSH_ADDRESS/$2:$3" "${arguments[@]}" \
    --label "org.opencontainers.image.title=$1 $3" --label "org.opencontainers.image.description=$DESCRIPTION" "$context"
}

build_and_push() { # FOLDER REPOSITORY TAG SUITE
  build_image "$@"
  docker push "$PUSH_ADDRESS/$2:$3"
  mkdir -p "$registry/inputs"
  inputs "$@" >"$registry/inputs/$1"
}

start_engine() {
  # The engine's view of the cache is an empty one: it must not serve what is being written. What outlives a
  # killed build must not hold the lock (8).
  SWARM_PLATFORM_CACHE=$work "$engine" start "$work/engine" image-builder >"$work/engine.env" 3>&- 8>&-
  # shellcheck disable=SC1091
  . "$work/engine.env"
  export DOCKER_HOST BUILDX_BUILDER=default
  mkdir -p "$registry"
  sed 's/enabled: true/enabled: false/' "$here/registry.yml" >"$work/registry.yml" # read-only no more
  writable_registry serve 3>&- 8>&- &
  disown
  local tries
  for ((tries = 0; tries < 100; tries++)); do
    ! in_engine_network bash -c "</dev/tcp/${PUSH_ADDRESS/:/\/}" 2>/dev/null || return 0
    sleep 0.1
  done
  echo "the registry to push to does not answer at $PUSH_ADDRESS"
  return 1
}

writable_registry() { # COMMAND...
  in_engine_network env REGISTRY_HTTP_ADDR=$PUSH_ADDRESS REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY="$registry" \
    docker-registry "$@" "$work/registry.yml"
}

# Images that were replaced leave their layers behind.
drop_unused_layers() { writable_registry garbage-collect --delete-untagged; }

in_engine_network() { nsenter --net="/run/netns/$NETNS" "$@"; }

clean_up() {
  "$engine" stop "$work/engine"
  rm -rf "$work"
}

# ---------------------------------------------------------------- main

if [[ ${1:-} == list ]]; then
  for image in "${IMAGES[@]}"; do
    read -r folder repository tag suite <<<"$image"
    echo "${repository#library/}:$tag"
  done
  exit
fi

require
find_go
mkdir -p "$cache"
exec 8>"$cache/image-build.lock"
flock 8
exec 3>&2 # the terminal, also for a trap that runs while a step writes to the log
[[ ! -d $work ]] || clean_up # of a build that was killed

todo=()
for image in "${IMAGES[@]}"; do
  read -r folder repository tag suite <<<"$image"
  (($# == 0)) || [[ " $* " == *" ${repository#library/}:$tag "* ]] || continue
  reason=$(why_build "$folder" "$repository" "$tag" "$suite")
  if [[ -n $reason ]]; then
    todo+=("$image")
    say "will build ${repository#library/}:$tag: $reason"
  fi
done
((${#todo[@]} > 0)) || exit 0

unfinished_step=
mkdir -p "$work"
trap at_exit EXIT
trap 'exit 130' INT TERM
: >"$log"
step "throw-away engine" start_engine
for suite in $(printf '%s\n' "${todo[@]}" | cut -d' ' -f4 | sort -u); do
  step "Debian $suite, the base" bring_base "$suite"
done
for image in "${todo[@]}"; do
  read -r folder repository tag suite <<<"$image"
  step "${repository#library/}:$tag" build_and_push "$folder" "$repository" "$tag" "$suite"
done
step "removal of unused layers" drop_unused_layers
