#!/usr/bin/env bash
# Proves, with a real NATS, that nats.conf gives every service the rights that it needs, and no others; that nobody gets in
# without a password; and that what is acknowledged survives a restart.
# Needs what .ci/servers nats installs.
set -euo pipefail
cd "$(dirname "$0")"

services=(users orders payments)

hears() { # SERVICE: the events that it handles
  case $1 in
    orders) echo payments.v1.PaymentCaptured payments.v1.PaymentDeclined users.v1.UserDeleted ;;
    payments) echo orders.v1.OrderPlaced orders.v1.OrderCancelled ;;
  esac
}

listens_to() { # SERVICE: those whose events each of its replicas hears
  case $1 in
    orders) echo orders users ;;
  esac
}

main() {
  scratch=$(mktemp -d)
  trap 'stop; rm -rf "$scratch"' EXIT
  read -r port http_port < <(free_ports)
  lay_out
  start
  curl -fsS "http://127.0.0.1:$http_port/healthz" | grep -q '"ok"' || fail 'it does not say that it is healthy'
  nobody_gets_in_without_a_password
  the_streams_are_theirs_to_create
  every_service_tells_its_own_events
  every_service_hears_its_events
  every_service_has_its_dead_letters
  nobody_listens_to_others
  nobody_administers
  survives_a_restart
  expected='Violation|authentication error|Plaintext passwords|Healthcheck failed'
  ! grep -E '\[(ERR|WRN)\]' "$scratch/log" | grep -vE "$expected" >&2 || fail 'it complains'
  echo "NATS: $count requests were allowed or refused as nats.conf means it"
}

lay_out() { # as Compose and Kubernetes do; ports and the store of our own
  mkdir -p "$scratch/etc/nats" "$scratch/run/secrets"
  sed -e "s|0.0.0.0:4222|127.0.0.1:$port|" -e "s|0.0.0.0:8222|127.0.0.1:$http_port|" -e "s|\"/data/|\"$scratch/|" \
    nats.conf >"$scratch/etc/nats/nats.conf"
  local service
  for service in "${services[@]}"; do
    printf '%s_password: "%s"\n' "$service" "$(password "$service")"
  done >"$scratch/run/secrets/passwords.conf"
}

password() { # SERVICE
  echo "secret-of-$1"
}

start() {
  nats-server --config "$scratch/etc/nats/nats.conf" >"$scratch/log" 2>&1 &
  nats=$!
  for _ in {1..150}; do
    ! curl -fs "http://127.0.0.1:$http_port/healthz" >/dev/null || return 0
    sleep 0.1
  done
  fail "NATS does not start: $(tail -n 5 "$scratch/log")"
}

stop() { # as a crash would
  [ -z "${nats-}" ] || { kill -s KILL "$nats" && wait "$nats"; } 2>/dev/null || true
  nats=
}

nobody_gets_in_without_a_password() {
  local who
  for who in '"user":"orders","pass":"wrong"' '"user":"orders"' '"user":"nobody","pass":"secret-of-nobody"' '"name":"x"'; do
    count=$((count + 1))
    grep -q 'Authorization Violation' <<<"$(converse "$who")" || fail "$who gets in"
  done
}

the_streams_are_theirs_to_create() {
  local stream service
  for stream in events dead_letters; do
    for service in "${services[@]}"; do # the first creates it, the others find it
      answers "$service" "\$JS.API.STREAM.CREATE.$stream" "$(stream "$stream")" '"config":'
      answers "$service" "\$JS.API.STREAM.INFO.$stream" '' '"config":'
    done
  done
}

every_service_tells_its_own_events() {
  local service kind
  for service in "${services[@]}"; do
    for kind in $(kinds); do
      case " $service.v1 $(hears "$service") " in # by its package, or by its name
        *" ${kind%.*} "* | *" $kind "*) answers "$service" "events.$kind" event '"stream":"events"' ;;
        *) may_not "$service" publish "events.$kind" ;;
      esac
    done
  done
}

every_service_hears_its_events() {
  local service other kind consumer
  for service in "${services[@]}"; do
    for other in "${services[@]}"; do
      for kind in $(kinds); do
        consumer=${other}_${kind//./_}
        if [ "$service" = "$other" ] && grep -qwF "$kind" <<<"$(hears "$service")"; then
          answers "$service" "\$JS.API.CONSUMER.CREATE.events.$consumer.events.$kind" \
            "$(consumer events "$consumer" "events.$kind")" '"name":'
          answers "$service" "\$JS.API.CONSUMER.MSG.NEXT.events.$consumer" '{"batch":1}' '^event'
          may "$service" publish "\$JS.ACK.events.$consumer.1.1.1.1.0"
        else
          may_not "$service" publish "\$JS.API.CONSUMER.CREATE.events.$consumer.events.$kind"
          may_not "$service" publish "\$JS.API.CONSUMER.MSG.NEXT.events.$consumer"
          may_not "$service" publish "\$JS.ACK.events.$consumer.1.1.1.1.0"
        fi
      done
    done
    may_not "$service" publish "\$JS.API.CONSUMER.CREATE.events.${service}_all.events.>"
    may_not "$service" publish "\$JS.API.CONSUMER.CREATE.events.$service"
  done
}

every_service_has_its_dead_letters() {
  local service other
  for service in orders payments; do
    other=$([ "$service" = orders ] && echo payments || echo orders)
    answers "$service" "dead_letters.$service.users.v1.UserDeleted" letter '"stream":"dead_letters"'
    answers "$service" "\$JS.API.CONSUMER.CREATE.dead_letters.$service.dead_letters.$service.>" \
      "$(consumer dead_letters "$service" "dead_letters.$service.>")" '"name":'
    answers "$service" "\$JS.API.CONSUMER.MSG.NEXT.dead_letters.$service" '{"batch":1}' '^letter'
    may "$service" publish "\$JS.ACK.dead_letters.$service.1.1.1.1.0"
    may_not "$service" publish "dead_letters.$other.users.v1.UserDeleted"
    may_not "$service" publish "\$JS.API.CONSUMER.CREATE.dead_letters.$service.dead_letters.>"
    may_not "$service" publish "\$JS.API.CONSUMER.CREATE.dead_letters.$other.dead_letters.$other.>"
    may_not "$service" publish "\$JS.API.CONSUMER.MSG.NEXT.dead_letters.$other"
    may_not "$service" publish "\$JS.ACK.dead_letters.$other.1.1.1.1.0"
  done
  may_not users publish dead_letters.users.users.v1.UserDeleted
}

nobody_listens_to_others() {
  local service other
  for service in "${services[@]}"; do
    may "$service" subscribe "_INBOX_$service.>"
    for other in "${services[@]}"; do
      [ "$service" = "$other" ] || may_not "$service" subscribe "_INBOX_$other.>"
      if grep -qwF "$other" <<<"$(listens_to "$service")"; then
        may "$service" subscribe "events.$other.v1.>"
      else
        may_not "$service" subscribe "events.$other.v1.>"
      fi
    done
    may_not "$service" subscribe '>'
    may_not "$service" subscribe '_INBOX.>'
    may_not "$service" subscribe 'dead_letters.>'
    may_not "$service" subscribe "\$JS.ACK.>"
  done
}

nobody_administers() {
  local service what stream
  for service in "${services[@]}"; do
    for stream in events dead_letters; do
      for what in DELETE UPDATE PURGE MSG.GET MSG.DELETE SNAPSHOT; do
        may_not "$service" publish "\$JS.API.STREAM.$what.$stream"
      done
      may_not "$service" publish "\$JS.API.DIRECT.GET.$stream"
      may_not "$service" publish "\$JS.API.CONSUMER.DELETE.$stream.orders"
    done
    may_not "$service" publish "\$JS.API.STREAM.INFO.another"
    may_not "$service" publish "\$JS.API.STREAM.CREATE.another"
    may_not "$service" publish "\$SYS.REQ.SERVER.PING"
    may_not "$service" publish "$service"
  done
}

survives_a_restart() {
  local before
  before=$(ask orders events.orders.v1.OrderPlaced event)
  stop
  start
  [ "$(sequence "$(ask orders events.orders.v1.OrderPlaced event)")" = $(($(sequence "$before") + 1)) ] ||
    fail 'it has forgotten what it had acknowledged'
}

sequence() { # ANSWER
  sed -n 's/.*"seq":\([0-9]*\).*/\1/p' <<<"$1"
}

kinds() { # all that there are, such as orders.v1.OrderPlaced
  awk '/^package/ { package = $2; sub(";", "", package) } /^message/ { print package "." $2 }' \
    ../../proto/*/v1/events.proto
}

stream() { # NAME
  echo '{"name":"'"$1"'","subjects":["'"$1"'.>"],"retention":"limits","storage":"file","discard":"new","max_consumers":-1,"max_msgs":-1,"max_bytes":1048576,"max_age":0,"num_replicas":1}'
}

consumer() { # STREAM NAME FILTER
  echo '{"stream_name":"'"$1"'","action":"create","config":{"durable_name":"'"$2"'","filter_subject":"'"$3"'","deliver_policy":"all","ack_policy":"explicit","max_deliver":-1,"replay_policy":"instant"}}'
}

count=0

may() { # SERVICE publish|subscribe SUBJECT
  local said
  count=$((count + 1))
  said=$(request "$@")
  ! grep -q ERR <<<"$said" || fail "$1 may not $2 $3: $said"
}

may_not() { # SERVICE publish|subscribe SUBJECT
  local said
  count=$((count + 1))
  said=$(request "$@")
  grep -q 'Permissions Violation' <<<"$said" || fail "$1 may $2 $3: $said"
}

answers() { # SERVICE SUBJECT PAYLOAD PATTERN
  local said
  count=$((count + 1))
  said=$(ask "$1" "$2" "$3")
  grep -q -- "$4" <<<"$said" || fail "$1: $2 is answered by '$said'"
}

request() { # SERVICE publish|subscribe SUBJECT
  if [ "$2" = publish ]; then
    converse "$(credentials "$1")" "PUB $3 0" ''
  else
    converse "$(credentials "$1")" "SUB $3 9"
  fi
}

credentials() { # SERVICE
  printf '"user":"%s","pass":"%s"' "$1" "$(password "$1")"
}

# The protocol of NATS is text: https://docs.nats.io/reference/reference-protocols/nats-protocol
converse() { # CREDENTIALS [LINE…]: what the server says until it has dealt with these
  exec 3<>"/dev/tcp/127.0.0.1/$port"
  printf '%s\r\n' "$(greeting "$1")" "${@:2}" PING >&3
  local line
  while read -r -t 10 line <&3 && [[ $line != PONG* ]]; do
    [[ $line == INFO* ]] || echo "${line%$'\r'}"
  done
  exec 3>&-
}

greeting() { # CREDENTIALS
  echo 'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true,'"$1}"
}

ask() { # SERVICE SUBJECT PAYLOAD: the answer to it
  exec 3<>"/dev/tcp/127.0.0.1/$port"
  printf '%s\r\n' "$(greeting "$(credentials "$1")")" "SUB _INBOX_$1.1 1" "PUB $2 _INBOX_$1.1 ${#3}" "$3" >&3
  local line
  while read -r -t 10 line <&3; do
    case $line in
      MSG* | HMSG*) read -r -t 10 line <&3 && echo "${line%$'\r'}" && break ;;
      -ERR*) echo "$line" && break ;;
    esac
  done
  exec 3>&-
}

free_ports() {
  python3 -c 'import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(each.getsockname()[1] for each in sockets))'
}

fail() { # WHY
  echo "NATS: FAILED: $1" >&2
  exit 1
}

main
