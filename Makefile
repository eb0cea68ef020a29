# Every target makes what it needs. PYTHON and PORT may be set: make run PYTHON=python3.12 PORT=8001
PYTHON ?= python3
export PORT ?= 8000
BIN := .venv/bin

# What pip has to say fills pages; one line of it names the cause.
install = $(BIN)/python -m pip install -q --disable-pip-version-check --retries 2 -r $(1) > .venv/pip.log 2>&1 \
	|| { echo "Cannot install what Scanpost needs, is there a network? $$(grep -m 1 ^ERROR .venv/pip.log) (.venv/pip.log has more)"; exit 1; }

.DEFAULT_GOAL := help
.PHONY: help run web worker test check format requirements clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .venv/installed ## site and worker together on 127.0.0.1:$PORT
	@exec $(BIN)/python -m deploy.run

web: .venv/installed ## the site alone, for production
	@$(BIN)/python -m flask --app wsgi db upgrade
	@exec $(BIN)/python -m gunicorn --config deploy/gunicorn.conf.py wsgi:app

worker: .venv/installed ## the worker alone, for production
	@exec $(BIN)/python -m tasks.worker

test: .venv/installed-dev ## all tests; says which were skipped and why
	@$(BIN)/python -m pytest -rs -n 2 --dist loadfile

check: .venv/installed-dev ## format, lint, types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

soak: .venv/installed-dev ## scans under a rain of kills: make soak SEED=1 ON=sqlite|postgresql|postgresql+redis
	@for on in $(or $(ON),sqlite postgresql postgresql+redis); do \
	  echo "== $$on, seed $(or $(SEED),1)"; $(BIN)/python -m tests.soak --seed $(or $(SEED),1) --on $$on || exit 1; \
	done

bench: .venv/installed-dev ## stock ScanCode against ours: make bench (hours), make bench QUICK=1 (minutes)
	@$(BIN)/python -m bench.run $(if $(QUICK),--quick)

fuzz: .venv/installed-dev ## damaged archives and strange addresses for ten minutes each, new made-up texts: make fuzz SECONDS=600
	@$(BIN)/python -m tests.fuzz_archives --seconds $(or $(SECONDS),600)
	@$(BIN)/python -m tests.fuzz_sources --seconds $(or $(SECONDS),600)
	@HYPOTHESIS_PROFILE=new $(BIN)/python -m pytest -q -n 2 -m hypothesis

format: .venv/installed-dev ## put the code into its format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

requirements: .venv/installed-dev ## pin all that requirements.in and requirements-dev.in ask for
	@$(BIN)/pip-compile -q --no-emit-index-url --no-emit-find-links --strip-extras --no-header -o requirements.txt requirements.in
	@$(BIN)/pip-compile -q --no-emit-index-url --no-emit-find-links --strip-extras --no-header -o requirements-dev.txt requirements-dev.in

clean: ## remove what was made, but not instance/
	@rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/bin/python:
	@[ -w . ] || { echo "Cannot install: this user may not write to $(CURDIR)"; exit 1; }
	@command -v $(PYTHON) >/dev/null || { echo "Cannot find $(PYTHON): install Python 3.11 or newer, or say make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is `$(PYTHON) -V 2>&1`: Scanpost needs Python 3.11 or newer; say make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "$(PYTHON) cannot make a virtual environment: install its venv module (on Debian: python3-venv)"; rm -rf .venv; exit 1; }

.venv/installed: requirements.txt | .venv/bin/python
	@echo "Installing what Scanpost needs into .venv (once, about a minute) ..."
	@$(call install,requirements.txt)
	@$(BIN)/python -m scanner.engine.index
	@touch $@

.venv/installed-dev: requirements-dev.txt .venv/installed
	@$(call install,requirements-dev.txt)
	@touch $@
