SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
UV := $(shell command -v uv 2>/dev/null || echo $(BIN)/uv)
export UV_PYTHON_DOWNLOADS = never
export UV_LINK_MODE ?= copy
# Kernels start in a jail that cannot write byte code, so it is written now.
export UV_COMPILE_BYTECODE = 1

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  \033[1m%-9s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@if command -v uv >/dev/null; then uv venv --quiet --no-project --python "$(PYTHON)" .venv; \
	else "$(PYTHON)" -m venv .venv && $(BIN)/python -m pip install --quiet "uv>=0.9"; fi

.venv/.installed: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing the locked packages (llama.cpp compiles once per machine: about five minutes on two cores)"
	$(UV) pip install --python $(BIN)/python --require-hashes -r requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

.venv/.installed-dev: requirements-dev.lock .venv/.installed
	$(UV) pip install --python $(BIN)/python --require-hashes -r requirements-dev.lock
	@touch $@

.PHONY: install
install: .venv/.installed ## make .venv and install the locked packages

.PHONY: model
model: install ## fetch the embedded model's weights (1.1 GB, once per user)
	$(BIN)/python -m llm.fetch

.PHONY: run
run: install ## install, fetch the model when it is missing, start the service
	$(BIN)/python -m api

.PHONY: dev
dev: .venv/.installed-dev ## install the developers' packages too

.PHONY: lint
lint: dev ## ruff, the import contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

.PHONY: type
type: dev ## mypy --strict
	$(BIN)/mypy

.PHONY: test-fast
test-fast: dev ## tests with the scripted model (under a minute)
	$(BIN)/pytest -q -n 2 --dist worksteal -m "not e2e and not jail"

.PHONY: test-jail
test-jail: dev ## escape attempts, bombs, leaks and survival of the kernels (two minutes)
	$(BIN)/pytest -q -m jail

.PHONY: test
test: lint type test-fast test-jail model ## everything: lint, types, fast tests, jail, tests with the real model
	$(BIN)/pytest -q -m e2e --durations=10

.PHONY: bench
bench: dev ## run the benchmarks and print their tables
	$(BIN)/python -m benchmarks.overhead
	$(BIN)/python -m benchmarks.kernels

.PHONY: format
format: dev ## format the code and sort imports
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

.PHONY: lock
lock: | $(BIN)/python ## write the lock files anew from pyproject.toml
	$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url pyproject.toml -o requirements.lock
	$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
