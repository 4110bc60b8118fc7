#!/usr/bin/env bash
# A database and a role of its own for each service. It runs when the server is started for the first time, and can be run
# again at any time, as after a service was added.
set -euo pipefail

main() {
  database users
  database orders
  database payments
}

database() { # SERVICE: psql reads its password from the file by itself, since arguments are no secret
  [ -s "/run/secrets/$1" ] || { echo "/run/secrets/$1: no password" >&2; exit 1; }
  SERVICE=$1 psql --username postgres --dbname postgres --no-psqlrc --quiet --set ON_ERROR_STOP=1 <<'SQL'
\set service `echo "$SERVICE"`
\set password `cat "/run/secrets/$SERVICE"`
select format('create role %I login', :'service')
  where not exists (select from pg_roles where rolname = :'service') \gexec
alter role :"service" password :'password';
select format('create database %I owner %I', :'service', :'service')
  where not exists (select from pg_database where datname = :'service') \gexec
revoke connect on database :"service" from public;
SQL
}

main
