# Every verb of this project; `make` alone lists them. Each sets up what it needs and is quick when nothing changed.

PYTHON ?= python3
# One more than the two cores that are reckoned with: many tests wait for a server or a machine.
JOBS ?= 3
ARGS ?=
NAME ?=
UV_VERSION := 0.13.9

VENV := .venv
BIN := $(VENV)/bin
NODE := tests/clients/node
SYSTEM := build/system.stamp
SYSTEM_PACKAGES := chromium nginx-light mmdebstrap systemd-container openssh-client openssh-server postgresql rclone
# A module stays with one worker, so that what its tests share is made once; the long ones are dealt out first.
PYTEST := $(BIN)/pytest --tb=short -n $(JOBS) --dist loadscope --no-loadscope-reorder

# Where Python may not keep what it compiled, every server that a test starts compiles the whole source anew.
unexport PYTHONDONTWRITEBYTECODE

# A failed recipe must not leave a stamp behind that says it was done.
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

# Targets that appear with their code.
HAS_SOAK := $(wildcard tests/soak/test_*.py)
HAS_BENCH := $(wildcard bench/__main__.py)

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | grep -vE '^($(if $(HAS_SOAK),,soak)|$(if $(HAS_BENCH),,bench)):' | sed -E 's/:.*## /\t/' | expand -t 14

# --- what the targets stand on --------------------------------------------------------------------------------

$(VENV)/.runtime: requirements/runtime.lock pyproject.toml scripts/install
	@PYTHON='$(PYTHON)' scripts/install $(VENV) requirements/runtime.lock --with-project
	@touch $@

$(VENV)/.dev: requirements/dev.lock $(VENV)/.runtime
	@PYTHON='$(PYTHON)' scripts/install $(VENV) requirements/dev.lock
	@touch $@

# No stamp where npm cannot be had: the tests that need it are then skipped by name, and the next run tries again.
$(NODE)/node_modules/.stamp: $(NODE)/package.json $(NODE)/package-lock.json scripts/install-node
	@scripts/install-node $(NODE)

.PHONY: node
node: $(NODE)/node_modules/.stamp

# Without a stamp too where they cannot be had.
$(SYSTEM): Makefile scripts/install-system
	@scripts/install-system $@ $(SYSTEM_PACKAGES)

.PHONY: system
system: $(SYSTEM)

# What the tests in tests/system boot; kept in the user's cache, and built here so that no test waits for it.
.PHONY: machines
machines: $(VENV)/.dev system
	@$(BIN)/python -m tests.support.machines

# --- run ------------------------------------------------------------------------------------------------------

.PHONY: run
run: $(VENV)/.runtime ## production and development side by side, in the foreground
	$(BIN)/homeport up --config workspace/homeport.toml $(ARGS)

# --- test -----------------------------------------------------------------------------------------------------

.PHONY: test
test: $(VENV)/.dev node machines ## every test (under fifteen minutes on two cores); ARGS="-k word" chooses
	$(PYTEST) $(ARGS)

.PHONY: test-fast
test-fast: $(VENV)/.dev ## what needs no system package and no patience (under a minute)
	$(PYTEST) -m 'not slow and not needs_node and not needs_nginx and not needs_postgres and not needs_browser and not soak and not system' $(ARGS)

.PHONY: test-system
test-system: $(VENV)/.dev machines ## real systemd and nginx in containers, which is part of `make test` too
	$(PYTEST) tests/system $(ARGS)

.PHONY: test-browser
test-browser: $(VENV)/.dev node system ## the pages in a real browser, which is part of `make test` too
	$(BIN)/pytest tests/browser $(ARGS)

.PHONY: test-postgres
test-postgres: $(VENV)/.dev system ## the store and the server on a real PostgreSQL, which is part of `make test` too
	$(PYTEST) -m 'needs_postgres and not soak' $(ARGS)

.PHONY: test-conformance
test-conformance: $(VENV)/.dev node ## the official MCP conformance suite, which is part of `make test` too
	$(BIN)/pytest tests/conformance $(ARGS)

ifneq ($(HAS_SOAK),)
.PHONY: soak
soak: $(VENV)/.dev node ## hundreds of kills, thousands of flips; takes hours
	$(BIN)/pytest -m soak --timeout 0 $(ARGS)
endif

ifneq ($(HAS_BENCH),)
.venv-bench/.stamp: requirements/bench.lock scripts/install
	@PYTHON='$(PYTHON)' scripts/install .venv-bench requirements/bench.lock
	@touch $@

.PHONY: bench
bench: $(VENV)/.dev .venv-bench/.stamp ## the targets of the design, measured beside the alternatives
	$(BIN)/python -m bench $(ARGS)
endif

# --- check ----------------------------------------------------------------------------------------------------

.PHONY: check
check: $(VENV)/.dev ## lint, formatting and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

.PHONY: format
format: $(VENV)/.dev ## put the code into the one format, with the lint fixes that are safe
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

.PHONY: migration
migration: $(VENV)/.runtime ## begin a migration of the schema: NAME=task_estimates
	@$(BIN)/python scripts/new_migration.py '$(NAME)'

# --- dependencies and tidying ---------------------------------------------------------------------------------

LOCK := build/lock/bin/uv pip compile --quiet --no-config --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header

build/lock/.stamp: Makefile
	@PYTHON='$(PYTHON)' scripts/install build/lock
	build/lock/bin/pip install -qq uv==$(UV_VERSION)
	@touch $@

.PHONY: lock
lock: build/lock/.stamp ## write the lock files anew from pyproject.toml; ARGS=--upgrade takes newer versions
	$(LOCK) $(ARGS) --extra build -o requirements/runtime.lock pyproject.toml
	$(LOCK) $(ARGS) --extra build --extra test --extra check -c requirements/runtime.lock -o requirements/dev.lock pyproject.toml
	$(LOCK) $(ARGS) --group bench -o requirements/bench.lock
	cd $(NODE) && npm install --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts --no-audit --no-fund --loglevel=error
	$(PYTHON) scripts/strip_lock.py $(NODE)/package-lock.json

.PHONY: clean
clean: ## remove environments, caches and build results; workspace/ holds data and stays
	rm -rf .venv .venv-bench build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis $(NODE)/node_modules
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
