#!/usr/bin/env bash
# Makes the secrets that are not there yet: random, each in a volume that only its reader mounts. Runs as root before
# anything else starts, in the image of PostgreSQL, which knows the user `postgres`.
set -euo pipefail
umask 077

main() {
  database users
  database orders
  database payments
  bus users
  bus orders
  bus payments
  passwords_of_nats users orders payments
  secret /secrets/users/key_secret
  token management
  token agent
  token_of gateway
  token_of users
  token_of orders
  token_of payments
  token_of prometheus
  token_of console
  own postgres postgres
  own gateway 65532
  own users 65532
  own orders 65532
  own payments 65532
  own nats 65532
  chown 65532 /data/nats # its volume is root's at first, as the image has no such folder
  own prometheus 65534
  echo 'the secrets are in place'
}

database() { # SERVICE: PostgreSQL and the service have to know the same password
  secret "/secrets/postgres/$1"
  write "/secrets/$1/database_password" <"/secrets/postgres/$1"
}

bus() { # SERVICE: so have NATS and the service
  secret "/secrets/nats/$1"
  write "/secrets/$1/nats_password" <"/secrets/nats/$1"
}

passwords_of_nats() { # SERVICE…: as its configuration includes them
  local service
  for service in "$@"; do
    printf '%s_password: "%s"\n' "$service" "$(cat "/secrets/nats/$service")"
  done | write /secrets/nats/passwords.conf
}

token_of() { # READER: whoever gives access to Consul, and who shows it there, have to know the same token
  token "$1"
  write "/secrets/$1/consul_token" <"/secrets/access/$1"
}

secret() { # FILE
  [ -s "$1" ] || head -c 32 /dev/urandom | base64 -w 0 | write "$1"
}

token() { # NAME: Consul wants a UUID
  [ -s "/secrets/access/$1" ] || write "/secrets/access/$1" </proc/sys/kernel/random/uuid
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
