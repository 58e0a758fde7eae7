#!/usr/bin/env bash
# fetch-kafka.sh [VERSION]: takes Apache Kafka's jars from Maven Central, once, and prints the folder they are in.
# There is a file for each version in tests/kafka; without one, it is the version that everything runs on.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
version=${1:-4.3.1}
pom=$here/tests/kafka/$version.xml
[ -e "$pom" ] || { echo "there is no $pom: versions are $(cd "$here/tests/kafka" && echo ./*.xml)" >&2; exit 64; }
folder=${VERNIER_KAFKA:-$HOME/.cache/vernier}/kafka-$version
if [ ! -e "$folder/complete" ]; then
  echo "fetching Apache Kafka $version into $folder (some 55 MB, once)" >&2
  mvn -q -B -Dstyle.color=never -f "$pom" \
    org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
    -DoutputDirectory="$folder" -DincludeScope=runtime >&2
  [ -e "$folder/kafka_2.13-$version.jar" ] || { echo "Apache Kafka $version did not arrive in $folder" >&2; exit 1; }
  touch "$folder/complete"
fi
echo "$folder"
