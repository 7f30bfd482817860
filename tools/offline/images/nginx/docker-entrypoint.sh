#!/bin/sh
# The official entrypoint renders templates first; none are used here, so this one only starts the command.
exec "$@"
