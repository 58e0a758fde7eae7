# `make` alone prints what there is.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo demo-kafka test check fmt bench surfaces

help: ## this text
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## all services in one process on a synthetic organisation; needs no broker
	@scripts/install-tools.sh build
	cargo build --locked
	@target/debug/vernier demo $(ARGS)

demo-kafka: ## the same on a real Apache Kafka: broker, topics, three processes, Prometheus
	@scripts/install-tools.sh build
	@scripts/install-tools.sh test
	cargo build --locked
	@scripts/demo-kafka.sh $(ARGS)

test: ## every test, those on a real Kafka and a real Prometheus included
	@scripts/install-tools.sh build
	@scripts/install-tools.sh test
	@scripts/fetch-kafka.sh >/dev/null
	@scripts/fetch-kafka.sh 3.9.1 >/dev/null
	cargo build --locked --workspace --all-targets
	cargo test --locked --workspace $(ARGS)

check: ## what is checked before a change is taken, the tests left out: format, lints, docs, sizes, licences, files of deploy/
	@scripts/check.sh

fmt: ## format everything
	cargo fmt --all

surfaces: ## write deploy/generated anew from the catalogue
	cargo run --locked --bin vernier -- surfaces

bench: ## the benchmarks of docs/benchmarks.md, on a real Kafka
	@scripts/install-tools.sh test
	@scripts/bench.sh $(ARGS)
