#!/bin/sh
# Turns the secrets that this container was given (files in /run/secrets) into what programs read, on a tmpfs that
# only this user can see; then becomes the command. No secret becomes an environment variable or an argument.
set -eu
umask 077

private="${AIRFLOW_HOME:-/var/lib/airflow}"
given="${SECRETS:-/run/secrets}"

: > "$private/pgpass"
for login in airflow wholefamily; do
  if [ -r "$given/${login}_database_password" ]; then
    printf '%s:5432:*:%s:%s\n' "${DATABASE_HOST:-postgres}" "$login" "$(cat "$given/${login}_database_password")" \
      >> "$private/pgpass"
  fi
done
export PGPASSFILE="$private/pgpass"

if [ -r "$given/airflow_admin_password" ]; then
  printf '{"admin": "%s"}\n' "$(cat "$given/airflow_admin_password")" > "$private/passwords.json"
fi

exec "$@"
