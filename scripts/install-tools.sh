#!/usr/bin/env bash
# install-tools.sh build|test: installs by apt what is missing. `build`: what compiling needs. `test`: what the
# tests on a real Kafka and a real Prometheus need on top.
set -euo pipefail
what=${1:?build or test}

missing=()
need() { # need COMMAND PACKAGE
  command -v "$1" >/dev/null 2>&1 || missing+=("$2")
}
need cc gcc
need c++ g++
need make make
need pkg-config pkg-config
need perl perl
pkg-config --exists openssl 2>/dev/null || missing+=(libssl-dev)
if [ "$what" = test ]; then
  need java default-jre-headless
  need mvn maven
  need prometheus prometheus
  need promtool prometheus
  need yamllint yamllint
  need curl curl
fi
if [ "${#missing[@]}" -eq 0 ]; then
  exit 0
fi
mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
if ! command -v apt-get >/dev/null 2>&1; then
  echo "install these first, by the means of your system: ${missing[*]}" >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  as_root=(sudo)
fi
echo "installing: ${missing[*]}" >&2
"${as_root[@]}" apt-get update -qq
# No service is to be started by the installation of its package.
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
