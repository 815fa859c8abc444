# Receiptwatch. `make demo` to watch it work, `make test` to prove it.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: help env demo test lint types world-packages lock bench chaos schema clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 18

env: $(STAMP) ## the environment, in .venv

$(STAMP): requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Receiptwatch needs Python 3.11 or newer; say which: make env PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "Python's venv module is missing. On Debian: apt-get install python3-venv"; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

demo: env ## the embedded mail world and the main job in it, for about a minute
	$(BIN)/receiptwatch demo

test: env world-packages lint types ## lint, types and every test
	tests/run

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: env
	$(BIN)/mypy

world-packages: ## the real mail servers that the tests run against (Debian)
	@tests/world/packages

bench: env ## list the benchmarks; NAME=probes runs one
	@$(BIN)/python -m tests.bench $(NAME)

chaos: env world-packages ## kill, stop and starve it for twenty minutes; PART=sending for one part
	@$(BIN)/python -m tests.chaos $(PART)

schema: env ## write config/receiptwatch.example.yaml and its JSON schema anew
	$(BIN)/receiptwatch config schema > config/receiptwatch.schema.json
	$(BIN)/receiptwatch config example > config/receiptwatch.example.yaml

lock: ## pin every dependency by hash (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links --extra demo pyproject.toml -o requirements.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links --extra dev -c requirements.txt pyproject.toml -o requirements-dev.txt

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
