#!/bin/sh
# Sees to it that everybody may do in Consul what a file in policies/ says, and nothing else. It runs whenever the system
# is started; where all is as it should be it changes nothing. With arguments it is Consul's command line, and may do
# everything: docker compose run --rm access kv put joist/gateway/balance_policy round-robin
# For the shell and the curl of Consul's image.
set -eu
umask 077
secrets=${SECRETS:-/secrets}
policies=${POLICIES:-/policies}
export CONSUL_HTTP_ADDR="${CONSUL_HTTP_ADDR:-http://consul:8500}" CONSUL_HTTP_TOKEN_FILE="$secrets/management"

main() {
  [ $# = 0 ] || exec consul "$@"
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  take_charge
  for file in "$policies"/*.hcl; do
    name=$(basename "$file" .hcl)
    policy "$name" "$file"
    token "$name"
  done
  printf '{"Token":"%s"}' "$(cat "$secrets/agent")" | done_by_us PUT agent/token/agent
  echo 'everybody has the access to Consul that a policy allows'
}

# The first who asks becomes the one who may do everything. Consul takes the token that is proposed, so that nothing is lost
# if its answer is; old ones, as 1.8, make up another.
take_charge() {
  for _ in $(seq "${PATIENCE:-30}"); do
    [ "$(ask management GET acl/token/self </dev/null)" != 200 ] || return 0
    status=$(printf '{"BootstrapSecret":"%s"}' "$(cat "$secrets/management")" | ask management PUT acl/bootstrap)
    if [ "$status" = 200 ]; then
      value SecretID >"$secrets/management.new"
      mv "$secrets/management.new" "$secrets/management"
      return 0
    fi
    sleep 1 # a server that has just started is not ready for it
  done
  index=$(sed -n 's/.*reset index: \([0-9]*\).*/\1/p' "$work/answer")
  [ -n "$index" ] || fail "acl/bootstrap: $status $(cat "$work/answer")"
  fail "somebody has taken charge of this Consul before, and the token is not the one that we have. To do it again:
  docker compose exec consul sh -c 'echo $index >/consul/data/acl-bootstrap-reset'
  docker compose up access"
}

policy() { # NAME FILE: as the file has it now
  path=acl/policy
  rules='"Rules":"'$(quoted <"$2")'"'
  if [ "$(ask management GET "acl/policy/name/$1" </dev/null)" = 200 ]; then
    ! grep -qF "$rules" "$work/answer" || return 0
    path=acl/policy/$(value ID)
  fi
  printf '{"Name":"%s",%s}' "$1" "$rules" | done_by_us PUT "$path"
}

token() { # NAME: the one that its reader has, for the policy of this name
  [ -s "$secrets/$1" ] || fail "$1 has a policy, but no token: see deploy/bootstrap.sh"
  [ "$(ask "$1" GET acl/token/self </dev/null)" != 200 ] || return 0
  printf '{"SecretID":"%s","Description":"%s","Policies":[{"Name":"%s"}]}' "$(cat "$secrets/$1")" "$1" "$1" \
    | done_by_us PUT acl/token
}

done_by_us() { # METHOD PATH, the body from stdin
  status=$(ask management "$1" "$2")
  [ "$status" = 200 ] || fail "$1 $2: $status $(cat "$work/answer")"
}

ask() { # WHO METHOD PATH, the body from stdin; no secret is an argument, which others could see
  sed 's/^/x-consul-token: /' "$secrets/$1" >"$work/header"
  curl --silent --show-error --max-time 10 --output "$work/answer" --write-out '%{http_code}' --request "$2" \
    --header "@$work/header" --data-binary @- "$CONSUL_HTTP_ADDR/v1/$3" || true
}

value() { # FIELD: a string of the last answer
  sed -n 's/.*"'"$1"'":"\([^"]*\)".*/\1/p' "$work/answer"
}

quoted() { # a text as a string of JSON
  sed -e 's/["\\]/\\&/g' -e 's/$/\\n/' | tr -d '\n'
}

fail() { # WHY
  echo "access to Consul: FAILED: $1" >&2
  exit 1
}

main "$@"
