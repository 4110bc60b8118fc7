#!/usr/bin/env bash
# Proves, with a real Consul, that access.sh gives everybody the rights that the policies mean, and no others; that it can
# be repeated, also after an interruption; and that a restart of Consul changes nothing.
# Needs what .ci/servers consul installs.
set -euo pipefail
cd "$(dirname "$0")"

main() {
  scratch=$(mktemp -d)
  trap 'stop; rm -rf "$scratch"' EXIT
  mapfile -t ports < <(free_ports)
  export CONSUL_HTTP_ADDR=http://127.0.0.1:${ports[0]} SECRETS=$scratch/secrets POLICIES=$PWD/policies
  make_secrets
  start
  can_be_interrupted
  can_be_repeated
  every_service_has_its_rights
  payments_may_follow_its_settings
  the_others_may_look
  nobody_may_without_a_token
  survives_a_restart
  can_begin_anew
  echo "Consul: $count requests were allowed or refused as the policies mean it"
}

make_secrets() { # as bootstrap.sh does
  mkdir "$SECRETS"
  local name policy
  for policy in management policies/*.hcl; do
    name=$(basename "$policy" .hcl)
    grep -qw "$name" ../bootstrap.sh || fail "bootstrap.sh makes no token for $policy"
    cat /proc/sys/kernel/random/uuid >"$SECRETS/$name"
  done
}

start() {
  consul agent -server -bootstrap-expect=1 -node=consul -bind=127.0.0.1 -data-dir="$scratch/data" -config-file=agent.hcl \
    -http-port="${ports[0]}" -server-port="${ports[1]}" -serf-lan-port="${ports[2]}" -serf-wan-port="${ports[3]}" \
    -dns-port=-1 -grpc-port=-1 -hcl='disable_update_check = true, performance { raft_multiplier = 1 }' \
    >"$scratch/log" 2>&1 &
  consul=$!
  for _ in {1..150}; do
    ! curl -fs "$CONSUL_HTTP_ADDR/v1/status/leader" | grep -q : || return 0
    sleep 0.1
  done
  fail "Consul does not start: $(tail -n 5 "$scratch/log")"
}

stop() {
  [ -z "${consul-}" ] || { kill "$consul" && wait "$consul"; } 2>/dev/null || true
  consul=
}

access() { sh access.sh "$@" >"$scratch/said" 2>&1; }

can_be_interrupted() { # after gateway, here
  mv "$SECRETS/orders" "$scratch/orders"
  ! access || fail 'it did not notice that a token is missing'
  mv "$scratch/orders" "$SECRETS/orders"
  access || fail "$(cat "$scratch/said")"
}

can_be_repeated() {
  local before
  before=$(everything)
  access || fail "$(cat "$scratch/said")"
  [ "$(everything)" = "$before" ] || fail 'a second run changed something'
}

everything() { # that there is of policies and tokens
  access acl policy list -meta && cat "$scratch/said"
  access acl token list -meta && cat "$scratch/said"
}

every_service_has_its_rights() {
  local service other
  for service in gateway users orders payments; do
    access kv put "joist/$service/log_filter" info || fail "$(cat "$scratch/said")"
  done
  for service in gateway users orders; do
    expect 200 "$service" PUT agent/service/register "$(registration "$service")"
  done
  for service in gateway users orders; do
    other=$([ "$service" = users ] && echo orders || echo users)
    expect 200 "$service" GET "agent/service/$service-1"
    expect 200 "$service" GET "agent/connect/ca/leaf/$service"
    expect 200 "$service" GET agent/connect/ca/roots
    expect 200 "$service" GET "kv/joist/$service/?recurse"
    expect 403 "$service" PUT agent/service/register "$(registration "$other")"
    expect 403 "$service" PUT "agent/service/deregister/$other-1"
    expect 403 "$service" GET "agent/connect/ca/leaf/$other"
    expect 403 "$service" PUT "kv/joist/$service/log_filter" off
    expect 404 "$service" GET "kv/joist/$other/?recurse" # what may not be read is not listed
    expect 403 "$service" PUT acl/token '{"Policies":[{"Name":"agent"}]}'
    expect 403 "$service" PUT catalog/register '{"Node":"nowhere","Address":"192.0.2.1"}'
    expect 403 "$service" PUT connect/ca/configuration '{}'
  done
  finds gateway users && finds gateway orders && finds orders users
  finds_not users gateway && finds_not users orders && finds_not orders gateway
  expect 200 users PUT agent/service/deregister/users-1
}

payments_may_follow_its_settings() { # and no more
  expect 200 payments GET "kv/joist/payments/?recurse"
  expect 404 payments GET "kv/joist/orders/?recurse"
  expect 403 payments PUT kv/joist/payments/log_filter off
  expect 403 payments PUT agent/service/register "$(registration payments)"
  expect 403 payments GET agent/connect/ca/leaf/payments
  finds_not payments orders
}

the_others_may_look() {
  local reader
  for reader in prometheus console; do
    finds "$reader" gateway && finds "$reader" orders
    expect 200 "$reader" GET catalog/services
    expect 403 "$reader" GET agent/connect/ca/leaf/users
    expect 403 "$reader" PUT agent/service/deregister/orders-1
  done
  expect 200 console GET kv/joist/users/log_filter
  expect 403 prometheus GET kv/joist/users/log_filter
}

nobody_may_without_a_token() {
  : >"$SECRETS/nobody"
  finds_not nobody orders
  expect 403 nobody PUT agent/service/register "$(registration users)"
  expect 403 nobody GET agent/connect/ca/leaf/users
  expect 403 nobody GET kv/joist/users/log_filter
  expect 403 nobody PUT agent/service/deregister/orders-1
}

survives_a_restart() {
  stop
  grep -qF "$(cat "$SECRETS/agent")" "$scratch/data/acl-tokens.json" || fail 'the agent would forget its token'
  start
  expect 200 users PUT agent/service/register "$(registration users)"
  expect 200 users GET agent/connect/ca/leaf/users
  for _ in {1..100}; do # until the agent has told the servers
    ! (finds orders users) 2>/dev/null || break
    sleep 0.1
  done
  finds orders users
  access || fail "$(cat "$scratch/said")"
  ! grep 'blocked by ACLs' "$scratch/log" >&2 || fail 'the agent may not do what it has to'
}

can_begin_anew() { # by what access.sh says
  cat /proc/sys/kernel/random/uuid >"$SECRETS/management"
  ! PATIENCE=1 access || fail 'it did not notice that its token is worth nothing'
  local index
  index=$(sed -n "s/.*echo \([0-9]*\) >.*acl-bootstrap-reset.*/\1/p" "$scratch/said")
  [ -n "$index" ] || fail "it does not say what to do: $(cat "$scratch/said")"
  echo "$index" >"$scratch/data/acl-bootstrap-reset"
  access || fail "$(cat "$scratch/said")"
  expect 200 management GET acl/tokens
}

registration() { # SERVICE
  echo '{"ID":"'"$1"'-1","Name":"'"$1"'","Address":"127.0.0.1","Port":1,"Checks":[{"Name":"readyz","Status":"passing","HTTP":"http://127.0.0.1:1/readyz","Interval":"60s","DeregisterCriticalServiceAfter":"60s"}]}'
}

count=0

expect() { # STATUS WHO METHOD PATH [BODY]
  local status
  status=$(curl --silent --max-time 10 --output "$scratch/answer" --write-out '%{http_code}' --request "$3" \
    --header "x-consul-token: $(cat "$SECRETS/$2")" ${5+--data "$5"} "$CONSUL_HTTP_ADDR/v1/$4") || true
  count=$((count + 1))
  [ "$status" = "$1" ] || fail "$2: $3 $4: $status, not $1: $(head -c 300 "$scratch/answer")"
}

finds() { # WHO SERVICE
  expect 200 "$1" GET "health/service/$2?passing"
  grep -q '"Service":{' "$scratch/answer" || fail "$1 does not find $2"
}

finds_not() { # WHO SERVICE
  expect 200 "$1" GET "health/service/$2?passing"
  [ "$(tr -d '[:space:]' <"$scratch/answer")" = '[]' ] || fail "$1 finds $2"
}

free_ports() {
  python3 -c 'import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
for each in sockets: print(each.getsockname()[1])'
}

fail() { # WHY
  echo "Consul: FAILED: $1" >&2
  exit 1
}

main
