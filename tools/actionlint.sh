#!/usr/bin/env bash
# Lints the workflows with actionlint, which is built from its Go module, once. With shellcheck on the machine, their scripts too,
# those inside the workflows and those in tools/ci.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/env.sh
. tools/env.sh
readonly VERSION=v1.7.12
readonly FOLDER=$SWARM_PLATFORM_CACHE/actionlint-$VERSION

if [ ! -x "$FOLDER/actionlint" ]; then
  command -v go >/dev/null || {
    echo "lint: workflows are not checked, because there is no Go to build actionlint with (make bootstrap of the tests brings it)" >&2
    exit 0
  }
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  GOBIN=$FOLDER.part GOFLAGS=-mod=mod go install "github.com/rhysd/actionlint/cmd/actionlint@$VERSION" &>"$log" || {
    cat "$log" >&2
    echo "lint: actionlint $VERSION can't be built; see above" >&2
    exit 1
  }
  rm -rf "$FOLDER"
  mv "$FOLDER.part" "$FOLDER"
fi
if command -v shellcheck >/dev/null; then
  shellcheck -x tools/ci/*.sh
else
  echo "lint: the scripts of the workflows are not checked, because there is no shellcheck" >&2
fi
"$FOLDER/actionlint" -no-color -pyflakes= .github/workflows/*.yml
