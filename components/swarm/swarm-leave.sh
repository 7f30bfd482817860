#!/bin/sh
# Leaves the swarm at DOCKER_HOST if swarm-init.sh made it and nothing foreign lives in it; otherwise says
# why it stays. Run by components/swarm/swarm.ts once everything of the environment itself is gone.
set -eu

state=$(docker info --format '{{.Swarm.LocalNodeState}}')
if [ "$state" = inactive ]; then
	echo "No swarm to leave: the engine is in none."
	exit 0
fi

cluster=$(docker info --format '{{.Swarm.Cluster.ID}}')
if [ "${PULUMI_COMMAND_STDOUT:-}" != "initialised $cluster" ]; then
	echo "The swarm $cluster stays: this environment did not make it."
	exit 0
fi

# Prints what a list command finds, each line under its kind. A list that fails ends the script: what can't
# be seen may be foreign.
found() {
	kind=$1
	shift
	names=$("$@") || exit 1
	[ -z "$names" ] || printf '%s\n' "$names" | sed "s/^/  $kind /"
}

all=$(
	found service docker service ls --format '{{.Name}}'
	found config docker config ls --format '{{.Name}}'
	found secret docker secret ls --format '{{.Name}}'
	found network docker network ls --filter scope=swarm --format '{{.Name}}'
	found node docker node ls --format '{{if not .Self}}{{.Hostname}}{{end}}'
)
# The swarm's own network, and the line that this node leaves empty.
foreign=$(printf '%s\n' "$all" | grep -v -e '^  network ingress$' -e '^  node $' -e '^$' || :)
if [ -n "$foreign" ]; then
	echo "The swarm $cluster stays: it holds what this environment did not make."
	echo "$foreign"
	exit 0
fi

docker swarm leave --force >/dev/null
echo "Left the swarm $cluster."
