# The two commands of the README, and what they are made of. Each installs what is missing first.

.PHONY: help learn test test-beside test-rest test-docker lint conformance deny bench

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

learn: ## Start the course on the embedded lab
	@.ci/prerequisites.sh learn
	@cargo run --release --quiet

test: ## Run every test, as CI does
	@.ci/prerequisites.sh test
	$(MAKE) --no-print-directory lint deny
	cargo test --no-run
	$(MAKE) --no-print-directory -j2 test-rest test-beside

# Each of these waits for a guest kernel with one processor: they run beside all other tests, so that no core is idle.
# They are left out there by their names, so that a new test is run without a word here.
BESIDE = the_nodes_are_walked_through_a_real_engine the_simulator_answers_as_a_kernel_booted_now_does

test-beside:
	cargo test --quiet --test docker --test conformance -- $(BESIDE)

test-rest:
	cargo test -- $(BESIDE:%=--skip %)

test-docker: ## Walk the kind lab's nodes through a real Docker Engine, in a kernel with ESP (part of `make test`)
	@.ci/prerequisites.sh test
	cargo test --test docker -- --nocapture

lint: ## Formatting, clippy and the docs, warnings refused
	cargo fmt --check
	cargo clippy --all-targets --quiet -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items --quiet

conformance: ## Compare the simulated lab with a recorded kernel's answers, with LIVE=1 with a kernel booted now
ifeq ($(LIVE),1)
	ESPLAIN_CONFORMANCE_LIVE=all cargo test --quiet --test conformance -- --nocapture kernel_booted_now
else
	cargo test --quiet --test conformance -- --nocapture recorded_kernel
endif

deny: ## Licences, bans and sources of the dependencies (the workflow also asks for advisories)
	cargo deny --all-features check --hide-inclusion-graph licenses bans sources

bench: ## Measure the speed of the core
	cargo bench
