#!/usr/bin/env bash
# Prints the lines of this machine's apt sources for another release of Debian (debian-sources.sh SUITE), for
# mmdebstrap; nothing when it runs another system. A mirror of one release has the others too.
set -euo pipefail
# shellcheck disable=SC1091
own=$(. /etc/os-release && [ "$ID" = debian ] && echo "${VERSION_CODENAME:-}") || exit 0
# shellcheck disable=SC2016
apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' |
  grep -E " $own(-updates|-security)? main$" | sort -u | sed "s/ $own/ $1/" || true
