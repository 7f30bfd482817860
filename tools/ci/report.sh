#!/usr/bin/env bash
# Makes the report of a stack for a workflow (STACK, default dev; arguments as of tools/report.sh): the job's summary shows it, and
# its output `verdict` is none, changes or dangerous. Fails only where there is no report to go by.
set -euo pipefail
cd "$(dirname "$0")/../.."
stack=${STACK:-dev}
folder=.reports/$stack
rm -rf "$folder"
status=0
tools/report.sh --stack "$stack" "$@" || status=$?
# GitHub takes 1 MiB of summary.
[ ! -s "$folder/report.md" ] || head -c 1000000 "$folder/report.md" >>"${GITHUB_STEP_SUMMARY:-/dev/stdout}"
case $status in
0) verdict=none ;;
2) verdict=changes ;;
3) verdict=dangerous ;;
*) exit 1 ;;
esac
echo "verdict=$verdict" >>"${GITHUB_OUTPUT:-/dev/stderr}"
