#!/bin/sh
# Runs once, when the PostgreSQL volume is new: one login and one database each for Airflow and for the hub.
# The hub's login makes the roles of the live database (createrole); neither is a superuser.
set -eu
export SECRETS="${SECRETS:-/run/secrets}"
psql --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\set airflow_password `cat "$SECRETS"/airflow_database_password`
\set wholefamily_password `cat "$SECRETS"/wholefamily_database_password`
create role airflow login password :'airflow_password';
create role wholefamily login createrole password :'wholefamily_password';
create database airflow owner airflow;
create database wholefamily owner wholefamily;
revoke all on database airflow, wholefamily from public;
SQL
