#!/bin/sh
# Makes the engine at DOCKER_HOST a manager of a swarm: initialises one, or adopts the one it is in.
# Run by components/swarm/swarm.ts. What it prints is recorded and decides who may leave the swarm later:
#   initialised <cluster id>   this environment made it
#   adopted <cluster id>       it was there before
set -eu

cluster() { docker info --format '{{.Swarm.Cluster.ID}}'; }

state=$(docker info --format '{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}')
case $state in
"active true")
	# An earlier run's claim holds as long as it is the same swarm.
	if [ "${PULUMI_COMMAND_STDOUT:-}" = "initialised $(cluster)" ]; then
		echo "$PULUMI_COMMAND_STDOUT"
	else
		echo "adopted $(cluster)"
	fi
	;;
inactive*)
	docker swarm init \
		${ADVERTISE_ADDRESS:+--advertise-addr "$ADVERTISE_ADDRESS"} \
		${ADDRESS_POOL:+--default-addr-pool "$ADDRESS_POOL"} >/dev/null
	echo "initialised $(cluster)"
	;;
*)
	echo "The engine at ${DOCKER_HOST:-the default socket} is in a swarm that it can't manage ($state); see: docker info" >&2
	exit 1
	;;
esac
