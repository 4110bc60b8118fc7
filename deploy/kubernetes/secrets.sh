#!/usr/bin/env bash
# Prints new secrets for the local overlay: deploy/kubernetes/secrets.sh | kubectl create -f -
# `create`, since `apply` would replace those that are there, by which the databases were made and the keys sealed.
# The certificates are good for a year; nobody keeps the key of their authority, so that new ones are made all at once.
set -euo pipefail
umask 077

main() {
  local service
  local -A database bus
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  for service in users orders payments; do
    database[$service]=$(random)
    bus[$service]=$(random)
    # As the configuration of NATS includes it.
    printf '%s_password: "%s"\n' "$service" "${bus[$service]}" >>"$scratch/passwords.conf"
  done
  secret users-secrets database_password "${database[users]}" nats_password "${bus[users]}" key_secret "$(random)"
  secret orders-secrets database_password "${database[orders]}" nats_password "${bus[orders]}"
  secret payments-secrets database_password "${database[payments]}" nats_password "${bus[payments]}"
  secret postgres-secrets users "${database[users]}" orders "${database[orders]}" payments "${database[payments]}"
  secret nats-secrets passwords.conf "|$(block passwords.conf)"
  authority
  for service in gateway users orders; do
    certificate "$service"
    tls_secret "$service"
  done
}

random() {
  head -c 32 /dev/urandom | base64 | tr -d '\n'
}

secret() { # NAME [KEY VALUE]…
  printf -- '---\napiVersion: v1\nkind: Secret\nmetadata: { name: %s, namespace: joist }\nstringData:\n' "$1"
  printf '  %s: %s\n' "${@:2}"
}

tls_secret() { # SERVICE
  secret "$1-tls" tls.crt "|$(block "$1.crt")" tls.key "|$(block "$1.key")" ca.crt "|$(block ca.crt)"
  printf 'type: kubernetes.io/tls\n'
}

block() { # FILE, as the lines of a block in YAML
  printf '\n'
  sed 's/^/    /' "$scratch/$1"
}

authority() {
  key ca
  openssl req -x509 -new -key "$scratch/ca.key" -days 365 -out "$scratch/ca.crt" -config <(printf '%s\n' \
    '[req]' 'distinguished_name = name' 'x509_extensions = extensions' 'prompt = no' \
    '[name]' 'CN = Joist' \
    '[extensions]' 'basicConstraints = critical, CA:TRUE' 'keyUsage = critical, keyCertSign, cRLSign' \
    'subjectKeyIdentifier = hash')
}

certificate() { # SERVICE: it proves a URI, and no host's name
  key "$1"
  openssl req -new -key "$scratch/$1.key" -subj "/CN=$1" -out "$scratch/$1.csr"
  openssl x509 -req -in "$scratch/$1.csr" -CA "$scratch/ca.crt" -CAkey "$scratch/ca.key" -CAcreateserial -days 365 \
    -out "$scratch/$1.crt" 2>"$scratch/log" -extfile <(printf '%s\n' \
      'basicConstraints = critical, CA:FALSE' 'keyUsage = critical, digitalSignature' \
      'extendedKeyUsage = serverAuth, clientAuth' "subjectAltName = URI:spiffe://joist/ns/joist/svc/$1") \
    || { cat "$scratch/log" >&2; exit 1; }
}

key() { # NAME
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$scratch/$1.key"
}

main
