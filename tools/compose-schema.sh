#!/usr/bin/env bash
# Prints components/compose/stack-file/compose-spec.json: the schema of stack files that the Compose Specification publishes, from its
# reference implementation, the Go module compose-go (Apache-2.0), less the texts that describe. Needs Go.
#
#   tools/compose-schema.sh v2.16.2 >components/compose/stack-file/compose-spec.json
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# = 1 ] || {
  sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "$0" >&2
  exit 2
}
# shellcheck source=tools/env.sh
. tools/env.sh
module=github.com/compose-spec/compose-go/v2@$1
empty=$(mktemp -d)
trap 'rm -rf "$empty"' EXIT
folder=$(cd "$empty" && go mod download -json "$module" | node -p 'JSON.parse(fs.readFileSync(0, "utf8")).Dir')
node -e '
  const [file, module] = process.argv.slice(1);
  const { $id, ...schema } = JSON.parse(fs.readFileSync(file, "utf8"), (_, value) => {
    if (typeof value?.description === "string") delete value.description;
    return value;
  });
  const $comment = `From ${module}, schema/compose-spec.json; Copyright The Compose Specification Authors, Apache-2.0`;
  console.log(JSON.stringify({ $comment, ...schema }));
' "$folder/schema/compose-spec.json" "$module" | node_modules/.bin/prettier --parser json
