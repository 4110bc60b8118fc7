#!/usr/bin/env bash
# Proves what can be proven without a system: Prometheus' configuration and rules, that each alert has tests in which it
# fires and in which it stays quiet, and a section in the runbook; and that the dashboards are JSON.
# Needs what .ci/servers prometheus installs.
set -euo pipefail
cd "$(dirname "$0")"

main() {
  check_config
  promtool check rules rules/*.yml
  promtool test rules tests/*.yml
  mapfile -t alerts < <(sed -n 's/^ *- alert: \([A-Za-z]*\).*/\1/p' rules/*.yml)
  local alert
  for alert in "${alerts[@]}"; do
    grep -hA1 "alertname: $alert\$" tests/*.yml | grep -q 'exp_alerts:$' || fail "no test shows $alert firing"
    grep -q "alertname: $alert, exp_alerts: \[\] }" tests/*.yml || fail "no test shows $alert quiet"
    grep -qx "## $alert" ../../docs/runbook.md || fail "$alert is not in docs/runbook.md"
  done
  local dashboard dashboards=(../grafana/dashboards/*.json)
  for dashboard in "${dashboards[@]}"; do
    python3 -m json.tool "$dashboard" /dev/null || fail "$dashboard is no JSON"
  done
  echo "Prometheus: ${#alerts[@]} alerts, each with tests and a page of the runbook; ${#dashboards[@]} dashboards"
}

# Debian builds Prometheus without its discovery by Consul: there all is checked but its few lines.
check_config() {
  local said
  if said=$(promtool check config prometheus.yml 2>&1); then
    echo "$said"
  elif [[ $said == *'field consul_sd_configs not found'* ]]; then
    copy=$(mktemp --tmpdir="$PWD" .prometheus.XXXXXX.yml) # here, since rule files are named relative to it
    trap 'rm "$copy"' EXIT
    sed 's/consul_sd_configs:/http_sd_configs:/; s|- server: |- url: http://|; /datacenter:/d' prometheus.yml >"$copy"
    promtool check config "$copy"
    echo 'this promtool does not know Consul: consul_sd_configs was not checked'
  else
    fail "$said"
  fi
}

fail() { # WHY
  echo "Prometheus: FAILED: $1" >&2
  exit 1
}

main
