#!/bin/sh
# As the official image starts: a subcommand or an option alone is consul's, an agent gets its folders, root gives them to consul
# and becomes it. Not here: CONSUL_BIND_INTERFACE, CONSUL_CLIENT_INTERFACE, CONSUL_ALLOW_PRIVILEGED_PORTS.
set -e
[ -z "$CONSUL_LOCAL_CONFIG" ] || echo "$CONSUL_LOCAL_CONFIG" >/consul/config/local.json
case $1 in
agent)
  shift
  set -- consul agent -data-dir=/consul/data -config-dir=/consul/config "$@"
  ;;
-* | version) set -- consul "$@" ;;
*) ! consul --help "$1" 2>&1 | grep -q "consul $1" || set -- consul "$@" ;;
esac
if [ "$1" = consul ] && [ "$(id -u)" = 0 ]; then
  find /consul/data /consul/config -maxdepth 0 ! -user consul -exec chown consul:consul {} +
  set -- setpriv --reuid=consul --regid=consul --clear-groups -- "$@"
fi
exec "$@"
