# The gateway's commands. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash

VENV ?= .venv
# The newest Python that is there, 3.11 at least.
PYTHON ?= $(shell for name in python3.14 python3.13 python3.12 python3.11 python3 python; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { command -v $$name; break; }; done)
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip install --quiet --disable-pip-version-check
# An environment that was made only half (interrupted, or without ensurepip) has a Python and no pip.
MEND := { $(RUN) -m pip --version >/dev/null 2>&1 || $(RUN) -m ensurepip >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV); }
BENCH_PEERS ?= benchmarks/.peers
CLIENTS := .venv-clients
NODE_CLIENTS := tests/clients/node
# `make test ARGS="-k drain"`
ARGS ?=

.PHONY: help run test test-clients clients fuzz lint fmt docs bench bench-peers migrate clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: migrate ## Serve on http://127.0.0.1:8080 (settings: environment or .env)
	@exec $(RUN) manage.py serve

migrate: $(VENV)/.runtime ## Apply the database migrations
	@$(RUN) manage.py migrate --verbosity 0

test: $(VENV)/.development ## Run all tests on SQLite (no key, no network, no service)
	@$(RUN) -m pytest $(ARGS)

test-clients: $(VENV)/.development clients ## Install real clients (LangChain, AI SDK, ...) and test the gateway with them
	@TEST_CLIENTS=1 $(RUN) -m pytest tests/clients $(ARGS)

clients: # what test-clients installs
	@$(MAKE) --silent --jobs 3 $(CLIENTS)/openai3/.installed $(CLIENTS)/openai2/.installed \
		$(NODE_CLIENTS)/node_modules/.installed

fuzz: $(VENV)/.development ## Test the gateway with generated requests (FUZZ_SECONDS=600: longer)
	@TEST_FUZZ=1 $(RUN) -m pytest tests/fuzz $(ARGS)

lint: $(VENV)/.development ## Check format, style, types, imports and migrations
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy .
	$(VENV)/bin/lint-imports
	$(RUN) manage.py makemigrations --check --dry-run

fmt: $(VENV)/.development ## Format the code and apply automatic fixes
	$(VENV)/bin/ruff check --fix-only .
	$(VENV)/bin/ruff format .

docs: $(VENV)/.runtime ## Generate the pages of docs/ that repeat code
	@$(RUN) docs/generate.py

bench: $(VENV)/.development ## Run the benchmark (benchmarks/)
	@$(RUN) -m benchmarks $(ARGS)

bench-peers: $(RUN) ## Install the gateways for the comparison in bench (pip, npm)
	$(RUN) -m venv $(BENCH_PEERS)/litellm
	$(BENCH_PEERS)/litellm/bin/python -m pip install --quiet -r benchmarks/requirements-peers.txt
	$(RUN) -m venv $(BENCH_PEERS)/mlflow
	$(BENCH_PEERS)/mlflow/bin/python -m pip install --quiet -r benchmarks/requirements-mlflow.txt
	cp benchmarks/package.json $(BENCH_PEERS)/
	npm install --prefix $(BENCH_PEERS)

clean: ## Remove the virtual environments and caches; data stays
	rm -rf $(VENV) $(CLIENTS) $(NODE_CLIENTS)/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(RUN):
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

# The stamps hold the requirements they were installed from: pip runs only when these have changed.
$(VENV)/.runtime: requirements.txt | $(RUN)
	@cmp -s $< $@ || { echo "Installing $<"; $(MEND) && $(PIP) -r $<; }
	@cp $< $@

$(VENV)/.development: requirements.txt requirements-dev.txt | $(RUN)
	@cat $^ | cmp -s - $@ || { echo "Installing requirements-dev.txt"; $(MEND) && $(PIP) -r requirements-dev.txt; }
	@cat $^ > $@

# Real clients have environments of their own: some still need an openai that is older than ours.
$(CLIENTS)/openai3/.installed: requirements-clients.txt
$(CLIENTS)/openai2/.installed: requirements-clients-openai2.txt
$(CLIENTS)/%/.installed:
	@cmp -s $^ $@ || { echo "Installing $^"; $(PYTHON) -m venv $(@D) && \
		$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $^; }
	@cp $^ $@

# Without npm their tests are skipped. It brings the Node that they need, if the machine's own is older.
$(NODE_CLIENTS)/node_modules/.installed: $(NODE_CLIENTS)/package.json
	@mkdir -p $(@D)
	@command -v npm >/dev/null || { echo "npm is not there: the Node clients will be skipped"; exit 0; }; \
		cmp -s $< $@ || { echo "Installing $<"; npm install --prefix $(NODE_CLIENTS) --no-package-lock --no-audit \
		--no-fund --loglevel error && cp $< $@; }
