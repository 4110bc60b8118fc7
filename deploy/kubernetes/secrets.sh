#!/usr/bin/env bash
# Prints new secrets for the local overlay: deploy/kubernetes/secrets.sh | kubectl create -f -
# `create`, since `apply` would replace those that are there, by which the databases were made and the keys sealed.
set -euo pipefail

main() {
  local users orders
  users=$(random)
  orders=$(random)
  secret users-secrets database_password "$users" key_secret "$(random)"
  secret orders-secrets database_password "$orders"
  secret postgres-secrets users "$users" orders "$orders"
}

random() {
  head -c 32 /dev/urandom | base64 | tr -d '\n'
}

secret() { # NAME [KEY VALUE]…
  printf -- '---\napiVersion: v1\nkind: Secret\nmetadata: { name: %s, namespace: joist }\nstringData:\n' "$1"
  printf '  %s: %s\n' "${@:2}"
}

main
