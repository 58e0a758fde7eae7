#!/usr/bin/env bash
# start-kafka.sh FOLDER PORT: one Apache Kafka broker on loopback, for trials. It becomes the process itself.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
port=$2
libs=$("$here/fetch-kafka.sh")
mkdir -p "$folder"
cat >"$folder/broker.properties" <<P
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((port + 1))
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$folder/broker
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
P
java -cp "$libs/*" kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qg -c "$folder/broker.properties"
exec java -Xmx512m -XX:+UseSerialGC -cp "$libs/*" kafka.Kafka "$folder/broker.properties"
