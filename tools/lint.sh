#!/usr/bin/env bash
# Type check, ESLint, Prettier, go vet, gofmt and actionlint. Ends at the first fault.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/env.sh
. tools/env.sh
node_modules/.bin/tsc --noEmit
node_modules/.bin/eslint .
node_modules/.bin/prettier --check --log-level warn .
for module in services/go.mod examples/*/*/go.mod; do go -C "$(dirname "$module")" vet ./...; done
unformatted=$(gofmt -l services tools/offline examples)
[ -z "$unformatted" ] || {
  printf 'gofmt would change:\n%s\ndo: make format\n' "$unformatted" >&2
  exit 1
}
tools/actionlint.sh
