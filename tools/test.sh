#!/usr/bin/env bash
# Runs the tests and ends with one line of totals:  test.sh all|unit|e2e|slow|vm
# Everything that tests start lives below one folder, which is cleaned up however this script ends.
set -uo pipefail
cd "$(dirname "$0")/.."
suites=${1:-all}
case $suites in
all | unit | e2e | slow | vm) ;;
*)
  echo "unknown suite $suites; allowed: all, unit, e2e, slow, vm" >&2
  exit 2
  ;;
esac
case $suites in
unit | slow | vm) needs=$suites ;;
*) needs=test ;;
esac
tools/bootstrap.sh "$needs" || exit 1
# shellcheck source=tools/env.sh
. tools/env.sh
unset DOCKER_HOST # the machine's own engine is none of the tests' business

readonly WORK_PREFIX=${TMPDIR:-/tmp}/swarm-platform-test.
work=$WORK_PREFIX$$
export E2E_WORK=$work/e2e
child=

remove() { # FOLDER: with the engines and virtual machines in it
  [ "$EUID" != 0 ] || { tools/throwaway-engine.sh stop-all "$1"; tools/throwaway-vm.sh stop-all "$1"; }
  rm -rf "$1"
}
# A run that was killed could not clean up after itself.
for stale in "$WORK_PREFIX"*; do
  [ ! -d "$stale" ] || kill -0 "${stale#"$WORK_PREFIX"}" 2>/dev/null || remove "$stale"
done
mkdir -p "$E2E_WORK"
clean_up() {
  [ -z "$child" ] || kill -TERM -- "-$child" 2>/dev/null
  remove "$work"
  # Pulumi's plugins are in no group of ours and outlive a CLI that was ended. All that the tests start has
  # their folder in its environment.
  local process
  for process in /proc/[0-9]*; do
    ! grep -qsz "^E2E_WORK=$work/e2e\$" "$process/environ" || kill "${process#/proc/}" 2>/dev/null
  done
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

# Runs a command in a process group of its own, so that an interrupt is handled at once and ends all of it.
group() {
  set -m
  "$@" </dev/null &
  child=$!
  set +m
  wait "$child"
  local status=$?
  child=
  return "$status"
}

passed=0 failed=0 skipped=0
count() { # PASSED FAILED SKIPPED
  passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

lint() {
  echo "== lint"
  if group tools/lint.sh; then count 1 0 0; else count 0 1 0; fi
}

# Tests of one Go module. The package lines show progress; each test is counted from the event stream.
go_tests() { # FOLDER
  echo "== go test $1"
  local events=$work/go.json status
  group go -C "$1" test -json ./... >"$events"
  status=$?
  node -e '
    const lines = require("fs").readFileSync(process.argv[1], "utf8").trim().split("\n");
    const events = lines.map((line) => { try { return JSON.parse(line); } catch { return { Output: line + "\n" }; } });
    const count = (action) => events.filter((e) => e.Test && e.Action === action).length;
    const bad = new Set(events.filter((e) => e.Action === "fail").map((e) => e.Package + e.Test));
    for (const e of events) if (e.Output && (!e.Test ? e.Package ? !/^(PASS|\?)/.test(e.Output) : true : bad.has(e.Package + e.Test))) process.stderr.write(e.Output);
    console.log(count("pass"), count("fail"), count("skip"));
  ' "$events" >"$work/go.count"
  # shellcheck disable=SC2046
  count $(cat "$work/go.count")
  # A package that does not compile fails without a test.
  [ "$status" = 0 ] || grep -q '"Action":"fail","Package":"[^"]*","Test"' "$events" || count 0 1 0
}

# Tests with engines mostly wait: two files at a time take little more than half as long. A virtual machine wants all there is.
jest_tests() { # FOLDER [OPTION...]
  echo "== jest $1"
  local result=$work/jest.json
  rm -f "$result"
  group node_modules/.bin/jest "$@" --json --outputFile "$result" >/dev/null
  if [ -s "$result" ]; then
    # shellcheck disable=SC2046
    count $(node -p 'const r = require(process.argv[1]); `${r.numPassedTests} ${r.numFailedTests + r.numRuntimeErrorTestSuites} ${r.numPendingTests}`' "$result")
  else
    echo "jest ended without a result"
    count 0 1 0
  fi
}

unit_tests() {
  lint
  go_tests services
  go_tests tools/offline/pulumi-resource-command
  go_tests examples/visualizer/app
  jest_tests tests/unit
}

case $suites in
all)
  unit_tests
  jest_tests tests/e2e --maxWorkers=2
  ;;
unit) unit_tests ;;
vm) jest_tests tests/vm ;;
*) jest_tests "tests/$suites" --maxWorkers=2 ;;
esac

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
