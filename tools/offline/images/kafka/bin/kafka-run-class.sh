#!/bin/bash
# kafka-run-class.sh CLASS [ARGUMENT...]: runs a class of Kafka with the variables that Kafka's own script honours.
set -euo pipefail
if (($# == 0)); then
  echo "usage: $0 CLASS [ARGUMENT...]" >&2
  exit 1
fi
# Unquoted on purpose: each variable holds any number of JVM options.
# shellcheck disable=SC2086
exec java ${KAFKA_HEAP_OPTS:--Xmx256M} \
  ${KAFKA_JVM_PERFORMANCE_OPTS:--XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 -Djava.awt.headless=true} \
  ${KAFKA_GC_LOG_OPTS:-} ${KAFKA_JMX_OPTS:-} \
  ${KAFKA_LOG4J_OPTS:--Dlog4j2.configurationFile=/opt/kafka/config/tools-log4j2.yaml} \
  -Dkafka.logs.dir="${LOG_DIR:-/opt/kafka/logs}" -cp "${CLASSPATH:+$CLASSPATH:}/opt/kafka/libs/*" ${KAFKA_OPTS:-} "$@"
