#!/bin/sh
# Runs once, when the PostgreSQL volume is new: one login and one database each for Airflow and for the hub.
# The hub's login makes the roles of the live database (createrole), the backup's copies the server; none is a superuser.
set -eu
export SECRETS="${SECRETS:-/run/secrets}"
psql --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\set airflow_password `cat "$SECRETS"/airflow_database_password`
\set wholefamily_password `cat "$SECRETS"/wholefamily_database_password`
\set backup_password `cat "$SECRETS"/backup_database_password`
create role airflow login password :'airflow_password';
create role wholefamily login createrole password :'wholefamily_password';
create role backup login replication connection limit 2 password :'backup_password';
create database airflow owner airflow;
create database wholefamily owner wholefamily;
grant set on parameter log_min_duration_statement to wholefamily;
revoke all on database airflow, wholefamily, postgres, template1 from public;
\connect wholefamily
-- What only a superuser can shut, and docs/operations.md explains: large objects, blocks of procedural code, counters.
revoke execute on function lo_creat(int), lo_create(oid), lo_from_bytea(oid, bytea) from public;
revoke usage on language plpgsql from public;
grant usage on language plpgsql to wholefamily;
do $$ declare counter regprocedure; begin
    for counter in select oid from pg_proc where pronamespace = 'pg_catalog'::regnamespace
                   and proname ~ '^pg_stat_get_' and proname <> 'pg_stat_get_activity' loop
        execute format('revoke execute on function %s from public', counter);
        execute format('grant execute on function %s to wholefamily', counter);
    end loop;
end $$;
SQL
