#!/usr/bin/env bash
# Proves, without a cluster, that what is rendered from here is valid for Kubernetes and keeps our rules.
# Needs what .ci/servers kustomize kubernetes-validate installs.
set -euo pipefail
PYTHONPATH=$HOME/.cache/joist/tools/kubernetes-validate exec python3 -B "$(dirname "$0")/validate"
