#!/usr/bin/env bash
# Starts PostgreSQL with a superuser whose password nobody knows: it comes in over the socket, from inside the container.
set -euo pipefail
POSTGRES_PASSWORD=$(head -c 32 /dev/urandom | base64 -w 0)
export POSTGRES_PASSWORD
exec bash /usr/local/bin/docker-entrypoint.sh "$@"
