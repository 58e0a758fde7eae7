#!/usr/bin/env bash
# demo-kafka.sh [SECONDS]: Apache Kafka, topics, the three services as processes, Prometheus, on loopback; ends
# at Ctrl-C, or after so many seconds. Everything it writes is in target/demo-kafka, and is removed at the next start.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-}
folder=$PWD/target/demo-kafka
bin=$PWD/target/debug
scripts/fetch-kafka.sh >/dev/null
port=29092
pids=()

for used in $port 29093 9464 9465 9466 9090; do
  if (exec 3<>"/dev/tcp/127.0.0.1/$used") 2>/dev/null; then
    echo "port $used is taken: end what listens there (another demo?), then try again" >&2
    exit 1
  fi
done

finish() {
  trap - EXIT INT TERM
  echo
  echo "stopping"
  # Services first, so that they can commit; the broker last.
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
    kill "${pids[$i]}" 2>/dev/null || true
    wait "${pids[$i]}" 2>/dev/null || true
  done
  echo "stopped; logs are in $folder"
}
trap finish EXIT
trap 'exit 0' INT TERM

wait_for() { # wait_for WHAT COMMAND...
  local what=$1
  shift
  for _ in $(seq 600); do
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.1
  done
  echo "$what did not come up within a minute; see the logs in $folder" >&2
  exit 1
}

start() { # start NAME COMMAND...: in a process group of its own, so that Ctrl-C is ours to pass on
  local name=$1
  shift
  setsid "$@" >"$folder/$name.log" 2>&1 </dev/null &
  pids+=($!)
}

rm -rf "$folder"
mkdir -p "$folder"
cat >"$folder/vernier.yaml" <<Y
catalogue: schemas
log: { kafka: { bootstrap_servers: "127.0.0.1:$port" } }
topics: { partitions: 3, replication_factor: 1 }
log_format: text
Y
cat >"$folder/prometheus.yml" <<Y
global: { scrape_interval: 5s, evaluation_interval: 5s }
rule_files: ["$PWD/deploy/generated/alerts.rules.yml"]
scrape_configs:
  - { job_name: vernier-evaluator, static_configs: [{ targets: ["127.0.0.1:9464"] }] }
  - { job_name: vernier-ingest, static_configs: [{ targets: ["127.0.0.1:9465"] }] }
  - { job_name: vernier-aggregator, static_configs: [{ targets: ["127.0.0.1:9466"] }] }
Y

echo "starting Apache Kafka on 127.0.0.1:$port"
start broker scripts/start-kafka.sh "$folder" "$port"
wait_for "Apache Kafka" "$bin/vernier" topics apply --sources 2 --config "$folder/vernier.yaml"
echo "writing a synthetic organisation's 15 months into its source topics"
"$bin/vernier" produce --scale 0.1 --config "$folder/vernier.yaml"
echo "starting ingest, aggregator, evaluator and Prometheus"
start ingest "$bin/vernier-ingest" --config "$folder/vernier.yaml" --listen 127.0.0.1:9465
start aggregator "$bin/vernier-aggregator" --config "$folder/vernier.yaml" --listen 127.0.0.1:9466
start evaluator "$bin/vernier-evaluator" --config "$folder/vernier.yaml" --listen 127.0.0.1:9464
start prometheus prometheus --config.file="$folder/prometheus.yml" --storage.tsdb.path="$folder/prometheus" --web.listen-address=127.0.0.1:9090
for listen in 9464 9465 9466; do
  wait_for "the service on port $listen" curl -fsS "http://127.0.0.1:$listen/readyz"
done
wait_for "Prometheus" curl -fsS http://127.0.0.1:9090/-/ready

cat <<T

Open   http://127.0.0.1:9090/alerts             alerts, from rules generated from the catalogue
       http://127.0.0.1:9090/graph              try: vernier_indicator_band{band="red"} == 1
       http://127.0.0.1:9464/api/results        the newest period of every indicator
Try    $bin/vernier results --config $folder/vernier.yaml
       kill -9 ${pids[2]}    # the aggregator; start it again as below, and the results are the same
       $bin/vernier-aggregator --config $folder/vernier.yaml --listen 127.0.0.1:9466
Ctrl-C ends everything.
T
if [ -n "$seconds" ]; then
  sleep "$seconds" &
  wait $!
  "$bin/vernier" results --config "$folder/vernier.yaml" --construct isms/audit-programme | tail -3
else
  while :; do
    sleep 3600 &
    wait $!
  done
fi
