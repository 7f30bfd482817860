#!/usr/bin/env bash
# Loads the images that build-images.sh has built under their public names into the engine that `docker` talks to
# (DOCKER_HOST, the current context, or the default), also a remote one. Images that the engine has are left as they are.
set -euo pipefail

cache=$(realpath -m -- "${SWARM_PLATFORM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/swarm-platform}")
store=$cache/registry/docker/registry/v2
here=$(dirname "$(realpath "$0")")
readonly cache store here

fail() {
  echo "load-images: $*" >&2
  exit 1
}
blob() { echo "$store/blobs/sha256/${1:0:2}/$1/data"; }

# The file that names an image's manifest; it is there once the image is built.
link_of() { # IMAGE
  local repository=${1%:*}
  [[ $repository == */* ]] || repository=library/$repository
  echo "$store/repositories/$repository/_manifests/tags/${1##*:}/current/link"
}

# Writes the archive that `docker load` reads, out of the registry's own files: no registry has to run, and the
# engine never sees another name than the public one.
archive() { # IMAGE FOLDER
  local image=$1 folder=$2 link config digest layers=
  link=$(link_of "$image")
  # In an image manifest the first digest is the configuration's, the others are the layers', lowest first.
  {
    read -r config
    while read -r digest; do
      ln -sf "$(blob "$digest")" "$folder/$digest.tar"
      layers+="${layers:+,}\"$digest.tar\""
    done
  } < <(grep -Eo 'sha256:[0-9a-f]{64}' "$(blob "$(cut -d: -f2 "$link")")" | cut -d: -f2)
  ln -s "$(blob "$config")" "$folder/$config.json"
  echo "[{\"Config\":\"$config.json\",\"RepoTags\":[\"$image\"],\"Layers\":[$layers]}]" >"$folder/manifest.json"
  tar --create --dereference --directory "$folder" .
}

docker version &>/dev/null || fail "no Docker engine answers at ${DOCKER_HOST:-the default address}; start it or set DOCKER_HOST"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for image in $("$here/build-images.sh" list); do
  [[ -s $(link_of "$image") ]] && ! docker image inspect "$image" &>/dev/null || continue
  start=$SECONDS
  folder=$(mktemp -d "$work/XXXXXX")
  archive "$image" "$folder" | docker load --quiet >/dev/null
  echo "load-images: loaded $image, which the engine did not have, in $((SECONDS - start)) s"
done
