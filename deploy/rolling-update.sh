#!/usr/bin/env bash
# Replaces the replicas of the services by new ones of the current image and settings, one at a time, and loses no request:
#   docker compose build && deploy/rolling-update.sh [SERVICE…]
# It stops at the first that does not come up; the others go on serving as they were.
set -euo pipefail
cd "$(dirname "$0")/.."

main() {
  # Callees first: a new caller may want what only a new callee has. So with who hears of orders.
  [ $# -gt 0 ] || set -- users payments orders gateway
  local service
  for service in "$@"; do update "$service"; done
}

update() { # SERVICE
  local replica replicas
  mapfile -t replicas < <(docker compose ps --quiet "$1")
  [ "${#replicas[@]}" -ge 2 ] || fail "$1 has ${#replicas[@]} replicas: nobody would serve in the meantime"
  for replica in "${replicas[@]}"; do replace "$1" "$replica" "${#replicas[@]}"; done
}

replace() { # SERVICE CONTAINER REPLICAS
  local began=$SECONDS
  [ "$1" = payments ] || until_found "$1" "$3" # whoever is to serve alone must be known to its callers; payments has none
  docker stop "$2" >/dev/null
  [ "$(docker inspect --format '{{.State.ExitCode}}' "$2")" = 0 ] || echo "$1 ${2:0:12}: did not end by itself" >&2
  docker rm "$2" >/dev/null
  docker compose --progress quiet up --detach --wait --no-recreate --scale "$1=$3" "$1"
  echo "$1: ${2:0:12} replaced in $((SECONDS - began)) s"
}

until_found() { # SERVICE REPLICAS
  local seconds
  for seconds in {1..30}; do
    [ "$(found "$1")" -lt "$2" ] || return 0
    sleep 1
  done
  fail "$1: Consul does not list $2 instances after $seconds s"
}

found() { # SERVICE: how many instances of it callers find
  # shellcheck disable=SC2016 # for the shell there, which has the token
  docker compose exec -T consul sh -c 'sed "s/^/x-consul-token: /" "$CONSUL_HTTP_TOKEN_FILE" | curl -fsS --header @- "$1"' \
    sh "http://127.0.0.1:8500/v1/health/service/$1?passing" | grep -o '"Service":{' | wc -l
}

fail() { # WHY
  echo "rolling update: FAILED: $1" >&2
  exit 1
}

main "$@"
