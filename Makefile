# The words people type are the words CI runs. `make` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
.NOTPARALLEL:

# Used only if tools/setup.sh had to fetch a newer Node.js.
export PATH := $(CURDIR)/.build/node/node_modules/.bin:$(PATH)

TARGET := $(or $(CARGO_TARGET_DIR),target)
PORT ?= 4433
FUZZ_SECONDS ?= 60
# Tests drive the gateway through doors that a release does not have; one set of features, so
# nothing is built twice.
FEATURES := --features smrtc-gateway/_test_support

# tools/step.sh NAME COMMAND... runs one step, keeps the output in .build/logs/NAME.log and says how
# long it took. Two sides that work at once are a call of make each; one of them is quiet.
step := tools/step.sh $(quiet)
# at_once SIDE,SIDE: the first is quiet; if one fails, the other is ended. Bash starts what runs in
# the background deaf to Ctrl-C; the trap ends it then too.
at_once = $(MAKE) quiet=-q $(1) & side=$$!; \
	trap 'kill $$side 2>/dev/null || :' EXIT; \
	$(MAKE) $(2) || { kill $$side 2>/dev/null || :; wait $$side || :; exit 1; }; \
	wait $$side

# No target is a file.
.PHONY: $(shell sed -nE 's/^([a-z-]+):.*/\1/p' Makefile)

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 22

setup: ## install what the machine lacks (Debian packages need root or sudo)
	@tools/setup.sh test

setup-check: setup-build
	@tools/setup.sh check

setup-build:
	@tools/setup.sh build
	@engine/opus/build.sh host

demo: ## build all, start a gateway with a page: http://localhost:4433 (PORT=...)
	@rm -rf .build/logs
	@echo "make demo: the first time takes about ten minutes on two cores, later times seconds."
	@tools/setup.sh packages
	@$(call at_once,demo-page,demo-gateway)
	@tools/demo.sh $(TARGET)/debug/smrtc-gateway $(PORT)

demo-gateway:
	@$(step) -q -d "compile the gateway, about 5 minutes the first time" gateway \
		cargo build --locked --package smrtc-gateway

# Compiling the gateway needs nothing of this.
demo-page:
	@$(step) -d "fetch Node packages, make Wasm's standard library, about 2 minutes" setup \
		tools/setup.sh build
	@$(step) -d "compile the Wasm module, about 5 minutes the first time" wasm \
		wasm/tools/build.sh release simd128
	@$(step) -d "build the SDK" sdk npm run --silent --prefix wasm/sdk build
	@$(step) -d "build the page" page node wasm/demo/build.mjs

wasm: setup-build ## build the Wasm module of the SDK
	@wasm/tools/build.sh release

sdk: setup-build ## build the TypeScript part of the SDK
	@cd wasm/sdk && npm run --silent build

debug: setup-build ## the demo with DWARF, to step through Rust in the browser
	@wasm/tools/build.sh debug
	@cd wasm/sdk && npm run --silent build -- --debug
	@node wasm/demo/build.mjs
	@cargo build --locked --package smrtc-gateway
	@tools/demo.sh $(TARGET)/debug/smrtc-gateway $(PORT)

test: ## everything that must hold before a change lands
	@rm -rf .build/logs
	@$(step) setup tools/setup.sh test
	@$(step) libopus engine/opus/build.sh host
	@$(call at_once,test-page,test-rust)
	@$(MAKE) vectors-test browser-test
	@tools/counts.sh

# The two sides of a test. What watches the time, as the browser tests do, runs after both, alone.
test-rust: rust-check rust-test rust-doc boundary import-cycles
test-page: proto-check sdk-check wasm-build sdk-test fuzz-build wasm-crypto

proto-check:
	@$(step) proto engine/proto/generate.sh check

wasm-build:
	@$(step) wasm wasm/tools/build.sh release

wasm-crypto:
	@$(step) wasm-crypto wasm/tools/test-crypto.sh

# Compares with the native command, which rust-test has built.
vectors-test:
	@$(step) vectors-test vectors/checker/web/test.sh relaxed_simd scalar

check: setup-check ## the quick part of it: format, linters, arrows, import cycles, types
	@rm -rf .build/logs
	@$(call at_once,sdk-check proto-check,rust-check boundary import-cycles)

format-check: ## the quickest part, without a compiler: rustfmt, prettier, shellcheck
	@cargo fmt --all --check
	@npm run --silent --prefix wasm format:check
	@tools/shellcheck.sh

rust-check:
	@$(step) shellcheck tools/shellcheck.sh
	@$(step) rustfmt cargo fmt --all --check
	@$(step) clippy cargo clippy --locked --workspace --all-targets $(FEATURES) -- -D warnings

# The programs are built in the same call as the tests, with the features the tests need; the
# browser tests use them.
rust-test:
	@$(step) rust-build cargo build --locked --lib --bins --tests $(FEATURES)
	@$(step) rust-test cargo test --locked --no-fail-fast $(FEATURES)

rust-doc:
	@RUSTDOCFLAGS="-D warnings" $(step) rust-doc \
		cargo doc --locked --no-deps --workspace $(FEATURES)

boundary:
	@$(step) boundary tools/boundary.sh
	@$(step) walk tools/walk.sh

# The program is built with the features of all tests: alone it would compile serde anew.
find_cycles := cargo run --quiet --locked --bin smrtc-import-cycles $(FEATURES) --
import-cycles:
	@$(step) import-cycles $(find_cycles) tools/import_cycles/allowed.txt

sdk-check:
	@$(step) sdk-types npm run --silent --prefix wasm/sdk typecheck
	@$(step) sdk-lint npm run --silent --prefix wasm/sdk lint
	@$(step) demo-types npm run --silent --prefix wasm/demo check
	@$(step) demo-lint npm run --silent --prefix wasm/demo lint
	@$(step) e2e-types npm run --silent --prefix wasm/e2e check
	@$(step) e2e-lint npm run --silent --prefix wasm/e2e lint

sdk-test:
	@$(step) sdk-build npm run --silent --prefix wasm/sdk build
	@$(step) sdk-test npm run --silent --prefix wasm/sdk test

fuzz-build:
	@$(step) fuzz-build tools/fuzz.sh build

browser-test:
	@$(step) demo-build node wasm/demo/build.mjs
	@SMRTC_PROGRAMS_BUILT=1 $(step) browser-test npm run --silent --prefix wasm/e2e test

fix: setup-build ## apply what the tools can fix by themselves; bring lock files up to date
	@for lock in $$(git ls-files '*Cargo.lock'); do \
		(cd "$$(dirname "$$lock")" && cargo metadata --format-version 1 >/dev/null); \
	done
	@engine/proto/generate.sh write
	@cargo clippy --locked --workspace --all-targets $(FEATURES) \
		--fix --allow-dirty --allow-staged
	@cargo fmt --all
	@npm run --silent --prefix wasm lint:fix
	@npm run --silent --prefix wasm format
	@$(find_cycles) --shrink tools/import_cycles/allowed.txt

fuzz: ## run each fuzz target for a minute (FUZZ_SECONDS=...)
	@tools/setup.sh build
	@tools/fuzz.sh run $(FUZZ_SECONDS)

audit: ## licences, sources, bans and advisories of every dependency
	@tools/audit.sh

audit-ct: setup-build ## constant time: valgrind, statistics, secrets in the Wasm (10 minutes)
	@audits/constant_time/run.sh

vectors-wasm: setup-build ## the vectors' checker as Wasm, on http://localhost:4434
	@cargo build --locked --package smrtc-vectors-check
	@vectors/checker/web/test.sh
	@node vectors/checker/web/serve.mjs 4434

sim: setup-build ## tables of engine/QOS.md, plots in .build/sim (SEEDS=20)
	@cargo build --locked --release --package smrtc-sim
	@tools/sim.sh $(TARGET)/release/smrtc-sim $(SEEDS)

bench-call: setup wasm sdk ## delay, CPU and memory beside RTCPeerConnection: JSON
	@node wasm/demo/build.mjs
	@cargo build --locked --release --package smrtc-gateway --package smrtc-loadgen $(FEATURES)
	@SMRTC_PROGRAMS_BUILT=1 npm run --silent --prefix wasm/e2e bench-call

bench-downlink: setup wasm sdk ## what receiving 720p30 costs beside the decoder: JSON
	@node wasm/demo/build.mjs
	@cargo build --locked --release --package smrtc-gateway --package smrtc-loadgen $(FEATURES)
	@SMRTC_PROGRAMS_BUILT=1 npm run --silent --prefix wasm/e2e bench-downlink

bench-weaknet: setup wasm sdk ## the call through a bad network: JSON, 25 minutes (OPTIONS=--help)
	@tools/setup.sh bench
	@node wasm/demo/build.mjs
	@cargo build --locked --release --package smrtc-gateway --package smrtc-loadgen $(FEATURES)
	@SMRTC_PROGRAMS_BUILT=1 npm run --silent --prefix wasm/e2e bench-weaknet -- $(OPTIONS)

bench-speech: setup-build ## what losses do to speech, by PESQ, without a browser: JSON
	@tools/setup.sh bench
	@cargo build --locked --release --package smrtc-audio --example speech
	@node wasm/e2e/bench/speech.js $(abspath $(TARGET))/release/examples/speech

bench-crypto: setup-build ## SM4-GCM beside every rival, native and Wasm: JSON (OPTIONS=--help)
	@crypto/bench/build.sh
	@node crypto/bench/js/run.js $(OPTIONS)

bench-group: setup-build ## group keys of 2 to 1,000 members: JSON, 30 minutes (OPTIONS=--help)
	@gateway/loadgen/group/build.sh
	@cargo build --locked --release --package smrtc-loadgen $(FEATURES)
	@$(TARGET)/release/smrtc-loadgen group --wasm gateway/loadgen/group/dist $(OPTIONS)

clean: ## remove what was built; downloaded tools stay (rm -rf .build removes them)
	@cargo clean --quiet
	@rm -rf .build/{opus,fuzz,logs,e2e} wasm/{sdk,demo}/dist vectors/checker/web/dist
