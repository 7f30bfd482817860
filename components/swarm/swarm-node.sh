#!/bin/sh
# Takes one node out of the swarm at DOCKER_HOST: drains it, waits until its services run elsewhere, demotes it, has it
# leave, removes its entry. One that this environment did not bring into the swarm only loses the labels that it set.
# Run by components/swarm/swarm-node.ts when a node is taken out of the configuration, and at destroy.
#   NODE       host name
#   NODE_HOST  Engine API of the node; empty where only the manager is asked
#   LABELS     KEY=VALUE, one a line
#   NAMESPACE  environment
#   PATIENCE   how long its tasks may take to move, in seconds
set -eu

if [ "$(docker info --format '{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}')" != "active true" ]; then
	echo "Nothing to take away from node $NODE: the engine manages no swarm any more."
	exit 0
fi
self=$(docker info --format '{{.Swarm.NodeID}}')

forget_labels() {
	there=$(docker node inspect "$1" --format '{{range $key, $value := .Spec.Labels}}{{println $key}}{{end}}')
	printf '%s\n' "$LABELS" | sed -n 's/=.*//p' | while read -r key; do
		# A label that somebody has taken away already can't be taken away again.
		printf '%s\n' "$there" | grep -qxF "$key" || continue
		docker node update --label-rm "$key" "$1" >/dev/null
	done
}

# wait_for WHAT COMMAND...: until the command succeeds.
wait_for() {
	what=$1
	shift
	seconds=0
	until "$@"; do
		if [ "$seconds" -ge "$PATIENCE" ]; then
			echo "Node $NODE: $what took longer than $PATIENCE s. See docker node ps $NODE; then run it again." >&2
			exit 1
		fi
		[ $((seconds % 5)) != 3 ] || echo "node $NODE: $what"
		sleep 1
		seconds=$((seconds + 1))
	done
}

runs_nothing() {
	! docker node ps "$1" --format '{{.CurrentState}}' | grep -qE '^(New|Pending|Assigned|Accepted|Ready|Preparing|Starting|Running)'
}
# Whether the services of the list $moving, which had tasks on the node, run all of their tasks.
run_elsewhere() {
	[ -n "$moving" ] || return 0
	for service in $moving; do
		replicas=$(docker service ls --filter "name=$service" --format '{{.Name}} {{.Replicas}}' | sed -n "s/^$service //p")
		# A service that is gone by now has moved, too.
		[ -z "$replicas" ] || [ "$(echo "${replicas%% *}" | sed 's/\/.*//')" -ge "$(echo "${replicas%% *}" | sed 's/.*\///')" ] || return 1
	done
}
is_worker() { [ "$(docker node inspect "$1" --format '{{if .ManagerStatus}}manager{{else}}worker{{end}}')" = worker ]; }
has_left() { docker -H "$NODE_HOST" swarm leave >/dev/null 2>&1 || [ "$(docker -H "$NODE_HOST" info --format '{{.Swarm.LocalNodeState}}')" = inactive ]; }

remove() {
	docker node update --availability drain "$1" >/dev/null
	if [ "$(docker node inspect "$1" --format '{{.Status.State}}')" = ready ]; then
		moving=$(docker node ps "$1" --filter desired-state=running --format '{{.Name}}' | sed 's/\.[^.]*$//' | sort -u)
		wait_for "waiting until its tasks have ended" runs_nothing "$1"
		wait_for "waiting until its services run elsewhere" run_elsewhere
	fi
	if ! is_worker "$1"; then
		docker node demote "$1" >/dev/null
		wait_for "waiting until it is no manager any more" is_worker "$1"
	fi
	if [ -n "$NODE_HOST" ] && [ "$(docker -H "$NODE_HOST" info --format '{{.Swarm.NodeID}}' 2>/dev/null)" = "$1" ]; then
		wait_for "waiting until it has left" has_left
	else
		echo "Node $NODE was not told to leave: its engine does not answer, or is no member any more."
	fi
	docker node rm --force "$1" >/dev/null
	echo "Removed node $NODE ($1)."
}

docker node ls --format '{{.ID}} {{.Hostname}}' | while read -r id name; do
	[ "$name" = "$NODE" ] || continue
	joined=$(docker node inspect "$id" --format '{{index .Spec.Labels "swarm-platform.joined"}}')
	if [ "$id" = "$self" ]; then
		forget_labels "$id"
		echo "Node $NODE stays: it is the manager that is spoken to."
	elif [ "$joined" != "$NAMESPACE" ]; then
		forget_labels "$id"
		echo "Node $NODE stays in the swarm: this environment did not bring it in."
	else
		remove "$id"
	fi
done
