#!/usr/bin/env bash
# bench.sh [throughput|commits|freshness|recovery ...]: brokers on loopback, and the benchmarks beside them; without a
# name, all of them.
set -euo pipefail
cd "$(dirname "$0")/.."
wanted=("$@")
parts=()
for part in commits freshness recovery; do
  if [ "${#wanted[@]}" -eq 0 ] || [[ " ${wanted[*]} " == *" $part "* ]]; then parts+=("$part"); fi
done
if [ "${#parts[@]}" -gt 0 ]; then
  scripts/fetch-kafka.sh >/dev/null
  cargo build --locked --release --workspace --bins
  # The whole workspace, so that nothing is compiled twice with other features.
  cargo bench --locked --workspace --bench exactly_once -- "${parts[@]}"
fi
if [ "${#wanted[@]}" -gt 0 ] && [[ " ${wanted[*]} " != *" throughput "* ]]; then exit 0; fi
folder=$(mktemp -d)
port=29192
cargo build --locked --release --workspace --bench throughput
scripts/start-kafka.sh "$folder" "$port" >"$folder/log" 2>&1 &
broker=$!
trap 'kill "$broker" 2>/dev/null; wait "$broker" 2>/dev/null || true; rm -rf "$folder"' EXIT
until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
  if ! kill -0 "$broker" 2>/dev/null; then
    cat "$folder/log" >&2
    echo "Apache Kafka did not start; is port $port or $((port + 1)) taken?" >&2
    exit 1
  fi
  sleep 0.1
done
VERNIER_BENCH_BROKERS=127.0.0.1:$port cargo bench --locked --workspace --bench throughput
