#!/usr/bin/env bash
# Goes shopping once, looks at every answer, and prints what it saw: deploy/smoke.sh BASE, as http://localhost:8080
set -euo pipefail

main() {
  base=${1:?usage: deploy/smoke.sh BASE, as http://localhost:8080}
  base=${base%/}
  answer=$(mktemp -d)
  trap 'rm -rf "$answer"' EXIT
  email=smoke-$(date +%s)-$RANDOM@example.com
  credentials='{"email":"'$email'","password":"correct horse"}'

  says_that_it_is_there
  sign_up
  get_a_token
  look_at_the_catalogue
  order
  cancel
  is_refused_nonsense
  echo "smoke: passed: $count answers from $base"
}

says_that_it_is_there() {
  expect 200 GET /livez
  expect 200 GET /readyz
  expect 200 GET /openapi.json
  expect 200 GET /docs/
  expect 200 GET /.well-known/jwks.json
}

sign_up() {
  local form='{"email":"'$email'","display_name":"Smoke","password":"correct horse"}'
  expect 201 POST /v1/users "$form"
  account=$(value id)
  expect 409 POST /v1/users "$form"
  expect 400 POST /v1/users '{"email":"nobody","display_name":"","password":"x"}'
}

get_a_token() {
  expect 401 POST /v1/sessions '{"email":"'"$email"'","password":"wrong horse"}'
  expect 401 GET "/v1/users/$account"
  expect 201 POST /v1/sessions "$credentials"
  token=$(value access_token)
  expect 200 GET "/v1/users/$account"
}

look_at_the_catalogue() {
  expect 200 GET '/v1/products?page_size=1'
  sku=$(value sku)
  expect 200 GET "/v1/products/$sku"
  expect 404 GET /v1/products/NO-SUCH-THING
}

order() {
  local cart='{"items":[{"sku":"'$sku'","quantity":1}]}'
  key=$RANDOM$RANDOM$RANDOM
  expect 201 POST /v1/orders "$cart"
  placed=$(value id)
  expect 201 POST /v1/orders "$cart"
  [ "$(value id)" = "$placed" ] || fail 'the same idempotency key made a second order'
  expect 422 POST /v1/orders '{"items":[{"sku":"'"$sku"'","quantity":2}]}'
  key=
  expect 200 GET "/v1/orders/$placed"
  expect 200 GET "/v1/users/$account/orders"
  grep -q "$placed" "$answer/body" || fail 'the order is not in the list'
}

cancel() {
  expect 200 POST "/v1/orders/$placed/cancel"
  [ "$(value status)" = cancelled ] || fail 'the order is not cancelled'
  expect 409 POST "/v1/orders/$placed/cancel"
}

is_refused_nonsense() {
  expect 400 POST /v1/orders '{"items":'
  expect 400 POST /v1/orders '{"items":[{"sku":"'"$sku"'","quantity":0}]}'
  expect 404 GET "/v1/orders/$account"
  expect 404 GET /nowhere
  expect 405 DELETE /v1/products
  token=nonsense
  expect 401 GET "/v1/users/$account/orders"
}

count=0 token='' key=''

expect() { # STATUS METHOD PATH [BODY]
  local arguments=(--silent --show-error --max-time 10 --output "$answer/body" --request "$2")
  arguments+=(--write-out '%{http_code} %{time_total}')
  [ -z "$token" ] || arguments+=(--header "authorization: Bearer $token")
  [ -z "$key" ] || arguments+=(--header "idempotency-key: $key")
  [ -z "${4-}" ] || arguments+=(--header 'content-type: application/json' --data "$4")
  local status seconds
  read -r status seconds < <(curl "${arguments[@]}" "$base$3" || true) || true
  count=$((count + 1))
  printf '%s  %-6s %-60s %s s\n' "${status:-000}" "$2" "$3" "${seconds:-}"
  [ "${status:-}" = "$1" ] || fail "expected $1: $(head -c 500 "$answer/body" 2>/dev/null)"
}

value() { # FIELD: a string of the last answer
  sed -n 's/.*"'"$1"'":"\([^"]*\)".*/\1/p' "$answer/body"
}

fail() { # WHY
  echo "smoke: FAILED: $1" >&2
  exit 1
}

main "$@"
