#!/usr/bin/env bash
# Prints the flags with which pulumi asks the policies (docs/policies.md), from the project's folder:
#
#   pulumi preview $(tools/policy-args.sh)
#
# They are the same for every stack: policy/settings.yaml tells stacks apart.
echo --policy-pack policy
