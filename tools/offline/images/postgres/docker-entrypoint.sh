#!/bin/bash
# As the official image starts: options alone are postgres's, root gives the data to postgres and becomes it, and an empty
# PGDATA gets a cluster with POSTGRES_USER, POSTGRES_PASSWORD (or the file POSTGRES_PASSWORD_FILE) and POSTGRES_DB.
# Not here: /docker-entrypoint-initdb.d, POSTGRES_INITDB_ARGS and POSTGRES_HOST_AUTH_METHOD.
set -euo pipefail

initialise() {
  local user=${POSTGRES_USER:-postgres} password=${POSTGRES_PASSWORD:-}
  local database=${POSTGRES_DB:-$user}
  [[ -z ${POSTGRES_PASSWORD_FILE:-} ]] || password=$(<"$POSTGRES_PASSWORD_FILE")
  if [[ -z $password ]]; then
    echo "Error: Database is uninitialized and superuser password is not specified; set POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE." >&2
    exit 1
  fi
  initdb --username "$user" --pwfile <(printf '%s\n' "$password")
  # Inside the container everybody may; from outside only with the password.
  printf '\nhost all all all scram-sha-256\n' >>"$PGDATA/pg_hba.conf"
  [[ $database == postgres ]] || postgres --single -j postgres <<<"CREATE DATABASE \"$database\";"
}

[[ ${1:-} != -* ]] || set -- postgres "$@"
if [[ ${1:-} == postgres ]]; then
  if ((EUID == 0)); then
    mkdir -p "$PGDATA"
    chmod 0700 "$PGDATA"
    find "$PGDATA" /var/run/postgresql ! -user postgres -exec chown postgres {} +
    exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$0" "$@"
  fi
  [[ -s $PGDATA/PG_VERSION ]] || initialise
fi
exec "$@"
