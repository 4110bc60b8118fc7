#!/usr/bin/env bash
# Makes the secrets that are not there yet: random, each in a volume that only its reader mounts. Runs as root before
# anything else starts, in the image of PostgreSQL, which knows the user `postgres`.
set -euo pipefail
umask 077

main() {
  database users
  database orders
  secret /secrets/users/key_secret
  own postgres postgres
  own users 65532
  own orders 65532
  echo 'the secrets are in place'
}

database() { # SERVICE: PostgreSQL and the service have to know the same password
  secret "/secrets/postgres/$1"
  write "/secrets/$1/database_password" <"/secrets/postgres/$1"
}

secret() { # FILE
  [ -s "$1" ] || head -c 32 /dev/urandom | base64 -w 0 | write "$1"
}

write() { # FILE: whole or not at all
  cat >"$1.new"
  mv "$1.new" "$1"
}

own() { # READER USER
  chmod 500 "/secrets/$1"
  chmod 400 "/secrets/$1"/*
  chown -R "$2" "/secrets/$1"
}

main
