SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
BIN := .venv/bin
UV := "$(shell command -v uv || echo $(BIN)/uv)"
export UV_PYTHON_DOWNLOADS = never
export UV_LINK_MODE ?= copy
# Kernels run in a sandbox that cannot write byte code, so it is compiled at installation.
export UV_COMPILE_BYTECODE = 1
# With the locale C, Python cannot start from a folder whose name has letters beyond ASCII.
ifneq ($(filter C POSIX,$(LC_ALL)),)
export LC_ALL = C.UTF-8
endif
COMPILE := $(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  \033[1m%-9s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@"$(PYTHON)" -c "import sys; sys.exit(sys.version_info < (3, 11))" || \
		{ echo "Python 3.11 or newer is required. Choose one with PYTHON=/path/to/python3" >&2; exit 1; }
	@if command -v uv >/dev/null; then uv venv --quiet --no-project --python "$(PYTHON)" .venv; \
	else "$(PYTHON)" -m venv .venv && $(BIN)/python -m pip install --quiet "uv>=0.9"; fi

# llama.cpp is compiled for this machine; the wheel is cached for other checkouts.
WHEELS := $(or $(XDG_CACHE_HOME),$(shell echo ~)/.cache)/llm-api/wheels
BUILT_FOR := $(shell { cat requirements-llama.lock; "$(PYTHON)" -VV; uname -m; grep -m1 -E "^(flags|Features)" /proc/cpuinfo; } 2>/dev/null | cksum | cut -d' ' -f1)
BUILT := "$(WHEELS)/$(BUILT_FOR)"

.venv/.installed: requirements.lock requirements-llama.lock pyproject.toml | $(BIN)/python
	@echo "Installing the locked packages"
	$(UV) pip install --python $(BIN)/python --require-hashes -r requirements.lock
	@ls $(BUILT)/*.whl >/dev/null 2>&1 || { \
		command -v gcc >/dev/null && command -v g++ >/dev/null || \
			{ echo "gcc and g++ are required to compile llama.cpp" >&2; exit 1; }; \
		echo "Compiling llama.cpp, once per machine: about five minutes on two cores"; \
		rm -rf $(BUILT).part && mkdir -p "$(WHEELS)" && \
		$(BIN)/python -m pip wheel --quiet --no-deps --require-hashes -r requirements-llama.lock -w $(BUILT).part && \
		mv -T $(BUILT).part $(BUILT); }
	$(UV) pip install --quiet --python $(BIN)/python --no-deps $(BUILT)/*.whl
	$(UV) pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

.venv/.installed-dev: requirements-dev.lock .venv/.installed
	$(UV) pip install --python $(BIN)/python --require-hashes -r requirements-dev.lock
	@touch $@

.PHONY: install
install: .venv/.installed ## create .venv and install the locked packages

.PHONY: model
model: install model-vectors ## download the embedded models' weights (1.1 GB, once per user)
	$(BIN)/python -m llm.fetch

.PHONY: model-vectors
model-vectors: install ## download the embedding model for document search (23 MB)
	$(BIN)/python -m llm.fetch minilm

.PHONY: run
run: install ## install, download the model if it is missing, start the service
	$(BIN)/python -m api

.PHONY: studio
studio: dev ## run the graphs in LangGraph Studio (docs/studio.md)
	$(BIN)/langgraph dev

.PHONY: dev
dev: .venv/.installed-dev ## also install the development packages

.PHONY: lint
lint: dev ## ruff and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

.PHONY: type
type: dev ## mypy --strict
	$(BIN)/mypy

.PHONY: test-fast
test-fast: dev model-vectors ## tests with the scripted model (three minutes on two cores)
	$(BIN)/pytest -q -n 2 --dist worksteal -m "not e2e and not jail and not abuse and not fuzz and not clients and not nightly"

CLIENTS := tests/clients

$(CLIENTS)/.venv/.installed: $(CLIENTS)/requirements.lock | .venv/.installed-dev
	$(UV) venv --quiet --clear --python $(BIN)/python $(CLIENTS)/.venv
	$(UV) pip install --quiet --python $(CLIENTS)/.venv/bin/python --require-hashes -r $<
	touch $@

$(CLIENTS)/node_modules/.installed: $(CLIENTS)/package-lock.json
	@if command -v npm >/dev/null; then cd $(CLIENTS) && npm ci --no-audit --no-fund --ignore-scripts && touch node_modules/.installed; \
	else echo "npm is not installed: the tests of JavaScript clients are skipped"; fi

.PHONY: clients
clients: $(CLIENTS)/.venv/.installed $(CLIENTS)/node_modules/.installed ## install the clients for tests/clients

.PHONY: lock-clients
lock-clients: ## regenerate the lock files of those clients, without download URLs
	$(COMPILE) $(CLIENTS)/requirements.in -o $(CLIENTS)/requirements.lock
	cd $(CLIENTS) && npm install --package-lock-only --ignore-scripts && sed -i '/^ *"resolved": /d' package-lock.json

.PHONY: test-clients
test-clients: dev clients ## third-party clients against a real server (a minute)
	$(BIN)/pytest -q -m clients

AGENTS := $(CLIENTS)/agents

# Without a lock file: it would need the packages of all platforms, of which registries may have only some.
$(AGENTS)/node_modules/.installed: $(AGENTS)/package.json
	cd $(AGENTS) && npm install --no-package-lock --no-audit --no-fund --ignore-scripts
	cd $(AGENTS) && node node_modules/opencode-ai/postinstall.mjs && touch node_modules/.installed

.PHONY: test-agents
test-agents: dev $(AGENTS)/node_modules/.installed ## Codex and opencode through one task each (nightly: they need 800 MB)
	$(BIN)/pytest -q -m nightly $(CLIENTS)/test_coding_agents.py

OPEN_WEBUI := $(CLIENTS)/open_webui

# pip, because it prefers a CPU build of torch that lies on the disk.
$(OPEN_WEBUI)/.venv/.installed: $(OPEN_WEBUI)/requirements.txt | .venv/.installed-dev
	$(BIN)/python -m venv --clear $(OPEN_WEBUI)/.venv
	$(OPEN_WEBUI)/.venv/bin/pip install --quiet -r $<
	touch $@

.PHONY: test-open-webui
test-open-webui: dev model-vectors $(OPEN_WEBUI)/.venv/.installed ## Open WebUI in Chromium against a real server (3 GB; SCREENSHOTS=DIR)
	$(BIN)/pytest -q -m nightly $(CLIENTS) --ignore $(CLIENTS)/test_coding_agents.py

FUZZ := tests/fuzz

# A separate venv, because Studio's server and schemathesis require different versions.
$(FUZZ)/.venv/.installed: $(FUZZ)/requirements.lock | .venv/.installed-dev
	$(UV) venv --quiet --clear --python $(BIN)/python $(FUZZ)/.venv
	$(UV) pip install --quiet --python $(FUZZ)/.venv/bin/python --require-hashes -r $<
	touch $@

.PHONY: test-fuzz
test-fuzz: dev $(FUZZ)/.venv/.installed ## generated requests to every route of the OpenAPI document (a minute; FUZZ_SECONDS, FUZZ_EXAMPLES)
	$(BIN)/pytest -q -m fuzz

.PHONY: test-jail
test-jail: dev ## escape attempts, bombs, leaks and survival of the kernels (two minutes)
	$(BIN)/pytest -q -m jail

.PHONY: test-abuse
test-abuse: dev model-vectors ## all attacks of one user while another one works; prints a table (nightly: twenty minutes)
	$(BIN)/python -m tests.abuse

.PHONY: test
test: clients $(FUZZ)/.venv/.installed model ## everything: lint, types, fast tests, clients, fuzz, jail, tests with the real model
	@# Each of these keeps one core busy; the other two need both.
	$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint type test-jail test-clients test-fuzz
	$(MAKE) --no-print-directory test-fast
	$(BIN)/pytest -q -m "abuse and not nightly"
	$(BIN)/pytest -q -m e2e --durations=10

.PHONY: bench
bench: dev ## run the benchmarks and print their tables
	$(BIN)/python -m benchmarks.overhead
	$(BIN)/python -m benchmarks.kernels
	$(BIN)/python -m benchmarks.conversations
	$(BIN)/python -m benchmarks.files
	$(BIN)/python -m benchmarks.looking
	$(BIN)/python -m benchmarks.pauses
	@if [ -n "$(CRANFIELD)" ]; then $(BIN)/python -m benchmarks.retrieval --collection "$(CRANFIELD)"; \
	else echo "Document search is measured only with CRANFIELD=DIR, the folder of that collection"; fi

.PHONY: eval
eval: dev model ## solve the evaluation sets with the embedded model (hours; docs/evals.md)
	$(BIN)/python -m evals router --half all
	$(BIN)/python -m evals run --again --half test
	$(BIN)/python -m evals run --again --half test --set da
	$(BIN)/python -m evals report evals/results/ours-react-text-*-test.jsonl

.PHONY: eval-peers
eval-peers: dev model ## solve the same tasks with other harnesses on the same weights (hours)
	$(UV) venv --quiet --no-project --allow-existing --python $(BIN)/python .venv-peers
	$(UV) pip install --quiet --python .venv-peers/bin/python --require-hashes -r requirements-peers.lock
	$(BIN)/python -m evals run --again --half test --harness create_agent
	$(BIN)/python -m evals run --again --half test --harness code_agent --limit 3

.PHONY: docs
docs: dev ## generate docs/settings.md, .env.example and the tree in docs/architecture.md
	$(BIN)/python -m api.settings
	$(BIN)/python docs/tree.py

.PHONY: format
format: dev ## format the code and sort imports
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

.PHONY: lock
lock: | $(BIN)/python ## regenerate the lock files from pyproject.toml
	$(COMPILE) --no-emit-package llama-cpp-python pyproject.toml -o requirements.lock
	$(COMPILE) --no-emit-package llama-cpp-python --extra dev --extra studio -c requirements.lock pyproject.toml -o requirements-dev.lock
	sed -n 's/^ *"\(llama-cpp-python[^"]*\)",/\1/p' pyproject.toml | $(COMPILE) --no-deps - -o requirements-llama.lock
	$(COMPILE) $(FUZZ)/requirements.in -o $(FUZZ)/requirements.lock
	$(COMPILE) evals/peers/requirements.in -o requirements-peers.lock
