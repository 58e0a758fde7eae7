#!/usr/bin/env bash
# bench.sh: a broker on loopback, and the benchmarks beside it.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
port=29192
cargo build --locked --release -p aggregator --bench throughput
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
VERNIER_BENCH_BROKERS=127.0.0.1:$port cargo bench --locked -p aggregator --bench throughput
