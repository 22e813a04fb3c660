# `make learn` starts the course on the embedded lab; `make test` runs every test. Both install what is missing.
.PHONY: learn test
learn:
	cargo run --release --quiet
test:
	cargo test
