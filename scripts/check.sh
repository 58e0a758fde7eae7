#!/usr/bin/env bash
# check.sh: everything that is checked beside the tests.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

step format
cargo fmt --all -- --check

step lints
cargo clippy --locked --workspace --all-targets -- -D warnings

step "fuzz targets"
CARGO_TARGET_DIR=target/fuzz cargo check --locked --manifest-path fuzz/Cargo.toml

step docs
RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --document-private-items

step sizes
scripts/check-sizes.sh

step "files of deploy/"
yamllint -s -c deploy/.yamllint.yaml deploy schemas
promtool check rules deploy/generated/alerts.rules.yml
promtool check config deploy/prometheus.yml
promtool test rules deploy/alerts.test.yml

step "licences, bans, sources"
if ! cargo deny --version 2>/dev/null | grep -q ' 0\.20\.2$'; then
  cargo install cargo-deny --version 0.20.2 --locked
fi
cargo deny --log-level error check licenses bans sources
if timeout 60 cargo deny --log-level error fetch db >/dev/null 2>&1; then
  cargo deny --log-level error check --disable-fetch advisories
else
  echo "SKIPPED: advisories: the advisory database cannot be reached from here"
fi
