# Two commands matter: `make run` and `make test`. ARGS="…" is handed to what a target starts.
SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help run test build check e2e bench fuzz demo fmt lint clean
export CARGO_TARGET_DIR := $(CURDIR)/target

UI_STAMP := target/ui.stamp
UI_SOURCES := $(shell find app model style public Cargo.toml Cargo.lock Trunk.toml rust-toolchain.toml \
	scripts/precompress.mjs scripts/build-ui.sh 2>/dev/null)

help:
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## start skein with its own ClickHouse and demo traffic, and print the address
	@exec scripts/run.sh $(ARGS)

test: build ## run every test: crates, browser, OpenTelemetry SDKs
	@scripts/setup.sh test
	@scripts/test.sh

build: ## leave a self-contained target/release/skein, installing what is missing first
	@scripts/setup.sh build
	@$(MAKE) --no-print-directory $(UI_STAMP)
	@cargo build --release --locked --package server
	@scripts/place-engine.sh

check: lint ## the quick part of the tests: format, lints, the house rules, unit tests of model
	@cargo fmt --all --check || { echo "run: make fmt"; exit 1; }
	@cargo test --quiet --locked --package model
	@if [ -f server/tests/tidy.rs ]; then cargo test --quiet --locked --package server --test tidy; fi

e2e: build ## only the browser and SDK tests
	@scripts/setup.sh test
	@scripts/test.sh browser sdk

bench: build ## measure ingest, storage and queries against ClickHouse alone
	@cargo run --release --locked --package bench -- $(ARGS)

fuzz: ## feed every decoder and the queue's recovery with what coverage leads to (ARGS=target)
	@scripts/fuzz.sh $(ARGS)

demo: build ## send demo traffic to a skein that is already running
	@exec target/release/skein demo $(ARGS)

fmt: ## format the code
	@cargo fmt --all

lint: ## clippy on every crate, warnings are errors
	@mkdir -p dist
	@cargo clippy --workspace --all-targets --locked -- --deny warnings

clean: ## remove what was built here (downloaded tools and skein-data stay)
	@rm -rf target dist end2end/node_modules end2end/.venv

$(UI_STAMP): $(UI_SOURCES)
	@scripts/build-ui.sh
	@touch $@
