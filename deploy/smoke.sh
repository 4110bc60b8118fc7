#!/usr/bin/env bash
# Goes shopping once, looks at every answer, and prints what it saw: deploy/smoke.sh BASE [CLIENT]
# BASE is as http://localhost:8080. CLIENT is the id of a public program that people sign in for, with the scope orders:read
# and the redirect URI http://127.0.0.1/callback; with it somebody signs in on the page as well.
set -euo pipefail

main() {
  base=${1:?usage: deploy/smoke.sh BASE [CLIENT], as http://localhost:8080}
  base=${base%/}
  client=${2-}
  answer=$(mktemp -d)
  trap 'rm -rf "$answer"' EXIT
  email=smoke-$(date +%s)-$RANDOM@example.com
  credentials='{"email":"'$email'","password":"correct horse"}'

  says_that_it_is_there
  sign_up
  get_a_token
  look_at_the_catalogue
  order
  watch
  cancel
  keep_to_what_is_allowed
  refresh
  sign_out
  sign_in_for_a_program
  keep_strangers_out
  is_refused_nonsense
  leave
  echo "smoke: passed: $count answers from $base"
}

says_that_it_is_there() {
  expect 200 GET /livez
  expect 200 GET /readyz
  expect 200 GET /openapi.json
  expect 200 GET /docs/
  expect 200 GET /.well-known/jwks.json
  expect 200 GET /.well-known/oauth-authorization-server
  grep -q '"code_challenge_methods_supported":\["S256"\]' "$answer/body" || fail 'PKCE is not by S256, and by it alone'
  protects_browsers
}

protects_browsers() { # an answer of the API, and one that is an error
  local path name
  for path in '200 /v1/products' '404 /nowhere'; do
    expect "${path% *}" GET "${path#* }"
    for name in x-content-type-options x-frame-options content-security-policy referrer-policy; do
      [ -n "$(header "$name")" ] || fail "there is no $name"
    done
    [ -z "$(header server)$(header x-powered-by)" ] || fail 'it tells which program answers'
  done
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
  [ -n "$(header www-authenticate)" ] || fail 'it does not say how to be let in'
  sign_in
  expect 200 GET "/v1/users/$account"
  expect 400 POST /oauth/token "grant_type=password&client_id=joist&username=$email&password=correct+horse"
  is_error unsupported_grant_type
}

sign_in() {
  expect 201 POST /v1/sessions "$credentials"
  token=$(value access_token)
  refresh_token=$(value refresh_token)
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

# Until it is paid. The stream ends by itself; whoever comes back after that is told that there is nothing more to come.
watch() {
  expect 200 GET "/v1/orders/$placed/events"
  [[ $(header content-type) == *text/event-stream* ]] || fail "it is no stream of events, but $(header content-type)"
  [ "$(value status | tail -n 1)" = confirmed ] || fail "the order is not confirmed: $(head -c 500 "$answer/body")"
  local last
  last=$(sed -n 's/^id: *\([0-9]*\).*/\1/p' "$answer/body" | tail -n 1)
  [ -n "$last" ] || fail 'no event says how to go on after it'
  last_event=$last expect 204 GET "/v1/orders/$placed/events"
  last_event=nonsense expect 400 GET "/v1/orders/$placed/events"
  expect 200 GET "/v1/orders/$placed"
  [ "$(value status)" = confirmed ] || fail 'the order was confirmed to who watched it only'
}

cancel() {
  expect 200 POST "/v1/orders/$placed/cancel"
  [ "$(value status)" = cancelled ] || fail 'the order is not cancelled'
  expect 409 POST "/v1/orders/$placed/cancel"
  expect 200 GET "/v1/orders/$placed"
  [ "$(value status)" = cancelled ] || fail 'the order is cancelled no more'
  expect 200 GET "/v1/orders/$placed/events"
  [ "$(value status | tail -n 1)" = cancelled ] || fail 'who watches it does not see that it is cancelled'
}

# A token with fewer scopes than the one before it.
keep_to_what_is_allowed() {
  redeem 200 '&scope=orders:read'
  expect 200 GET "/v1/orders/$placed"
  expect 403 POST "/v1/orders/$placed/cancel"
  expect 403 POST /v1/orders '{"items":[{"sku":"'"$sku"'","quantity":1}]}'
  expect 403 GET "/v1/users/$account"
}

# A refresh token is good for one time. Who brings it again may have stolen it: then none that came of it is good any more.
refresh() {
  sign_in
  local used=$refresh_token
  redeem 200
  expect 200 GET "/v1/users/$account"
  local newer=$refresh_token
  refresh_token=$used redeem 400
  is_error invalid_grant
  refresh_token=$newer redeem 400
  is_error invalid_grant
}

sign_out() {
  sign_in
  expect 200 POST /oauth/revoke "client_id=joist&token=$refresh_token"
  redeem 400
  is_error invalid_grant
}

redeem() { # STATUS [PARAMETERS]: the refresh token, for new ones
  expect "$1" POST /oauth/token "grant_type=refresh_token&client_id=joist&refresh_token=$refresh_token${2-}"
  [ "$1" != 200 ] || token=$(value access_token) refresh_token=$(value refresh_token)
}

sign_in_for_a_program() {
  # The challenge and its verifier are those of RFC 7636, appendix B.
  local asked='/oauth/authorize?response_type=code&state=smoke&code_challenge_method=S256'
  asked+='&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'
  local back=http://127.0.0.1/callback form="email=$email&password=correct+horse"
  expect 400 GET "$asked&client_id=nobody&redirect_uri=$back"
  [ -n "$client" ] || return 0
  asked+="&client_id=$client"
  expect 400 GET "$asked&redirect_uri=https://example.com/callback"
  [ -z "$(header location)" ] || fail 'it leads to where nobody has registered'
  expect 200 GET "$asked&redirect_uri=$back"
  grep -q '<form' "$answer/body" || fail 'there is no form to sign in with'
  [[ $(header content-security-policy) == *"frame-ancestors 'none'"* ]] || fail 'others may frame the page'
  site=cross-site expect 403 POST "$asked&redirect_uri=$back" "$form"
  site=same-origin expect 303 POST "$asked&redirect_uri=$back" "$form"
  local code
  code=$(header location | sed -n 's/.*[?&]code=\([^&]*\).*/\1/p')
  local grant="grant_type=authorization_code&client_id=$client&redirect_uri=$back&code=$code"
  grant+='&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
  expect 200 POST /oauth/token "$grant"
  token=$(value access_token) expect 200 GET "/v1/orders/$placed"
  expect 400 POST /oauth/token "$grant"
  is_error invalid_grant
}

# What belongs to somebody else is not there.
keep_strangers_out() {
  local owner=$token
  email=stranger-$email
  credentials='{"email":"'$email'","password":"correct horse"}'
  expect 201 POST /v1/users '{"email":"'"$email"'","display_name":"Stranger","password":"correct horse"}'
  sign_in
  expect 404 GET "/v1/orders/$placed"
  expect 404 GET "/v1/orders/$placed/events"
  expect 404 POST "/v1/orders/$placed/cancel"
  expect 404 GET "/v1/users/$account/orders"
  expect 404 GET "/v1/users/$account"
  expect 404 DELETE "/v1/users/$account"
  token=$owner
}

is_refused_nonsense() {
  expect 400 POST /v1/orders '{"items":'
  expect 400 POST /v1/orders '{"items":[{"sku":"'"$sku"'","quantity":0}]}'
  expect 404 GET "/v1/orders/$account"
  expect 404 GET /nowhere
  expect 405 DELETE /v1/products
  token=nonsense expect 401 GET "/v1/users/$account/orders"
}

leave() {
  expect 204 DELETE "/v1/users/$account"
  expect 401 GET "/v1/users/$account"
}

count=0 token='' refresh_token='' key='' site='' last_event=''

expect() { # STATUS METHOD PATH [BODY]
  local arguments=(--silent --show-error --max-time 10 --dump-header "$answer/head" --output "$answer/body" --request "$2")
  arguments+=(--write-out '%{http_code} %{time_total}')
  [[ -z $token || $3 == /oauth/* ]] || arguments+=(--header "authorization: Bearer $token")
  [ -z "$key" ] || arguments+=(--header "idempotency-key: $key")
  [ -z "$site" ] || arguments+=(--header "sec-fetch-site: $site")
  [ -z "$last_event" ] || arguments+=(--header "last-event-id: $last_event")
  case ${4-} in
    '') ;;
    '{'*) arguments+=(--header 'content-type: application/json' --data "$4") ;;
    *) arguments+=(--data "$4") ;;
  esac
  local status seconds
  read -r status seconds < <(curl "${arguments[@]}" "$base$3" || true) || true
  count=$((count + 1))
  printf '%s  %-6s %-60s %s s\n' "${status:-000}" "$2" "${3%%\?*}" "${seconds:-}"
  [ "${status:-}" = "$1" ] || fail "expected $1: $(head -c 500 "$answer/body" 2>/dev/null)"
}

value() { # FIELD: a string of the last answer
  sed -n 's/.*"'"$1"'":"\([^"]*\)".*/\1/p' "$answer/body"
}

header() { # NAME: of the last answer
  grep -i "^$1:" "$answer/head" | cut -d: -f2- | tr -d '\r'
}

is_error() { # NAME, of RFC 6749
  [ "$(value error)" = "$1" ] || fail "expected $1: $(head -c 500 "$answer/body")"
}

fail() { # WHY
  echo "smoke: FAILED: $1" >&2
  exit 1
}

main "$@"
