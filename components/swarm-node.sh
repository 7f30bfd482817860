#!/bin/sh
# Sets labels and availability of one node of the swarm at DOCKER_HOST:  swarm-node.sh apply|forget
# Run by components/swarm-node.ts. Prints the labels that it set, one `label KEY` a line; what an earlier run
# printed says which labels are this environment's to take away.
#   NODE          host name or id
#   LABELS        KEY=VALUE, one a line (apply)
#   AVAILABILITY  active, pause or drain (apply)
set -eu

if [ "$1" = forget ] && ! docker node inspect "$NODE" >/dev/null 2>&1; then
	echo "No labels to take away: the swarm has no node $NODE any more."
	exit 0
fi
there=$(docker node inspect "$NODE" --format '{{range $key, $value := .Spec.Labels}}{{println $key}}{{end}}')
if [ "$1" = forget ]; then LABELS=; fi

set --
newline='
'
IFS=$newline
for key in $(printf '%s\n' "${PULUMI_COMMAND_STDOUT:-}" | sed -n 's/^label //p'); do
	# A label that somebody has taken away already can't be taken away again.
	case $newline$there$newline in *"$newline$key$newline"*) ;; *) continue ;; esac
	case $newline$LABELS in *"$newline$key="*) ;; *) set -- "$@" --label-rm "$key" ;; esac
done
for label in $LABELS; do
	set -- "$@" --label-add "$label"
	echo "label ${label%%=*}"
done
[ -z "${AVAILABILITY:-}" ] || set -- "$@" --availability "$AVAILABILITY"
[ $# = 0 ] || docker node update "$@" "$NODE" >/dev/null
