#!/bin/sh
# As the official image starts: options or a file alone are redis-server's, root gives the data to redis and becomes it.
set -e
case $1 in
-* | *.conf) set -- redis-server "$@" ;;
esac
if [ "$1" = redis-server ]; then
  # The official binary has it off: whoever reaches the container is meant to.
  set -- "$@" --protected-mode no
  if [ "$(id -u)" = 0 ]; then
    find . ! -user redis -exec chown redis {} +
    set -- setpriv --reuid=redis --regid=redis --clear-groups -- "$@"
  fi
fi
exec "$@"
