# One .venv serves every target; the two stamps in it say what has been installed there, and when.
PYTHON ?= python3
BIN := .venv/bin
SHELL := /bin/bash
SOURCES := pyproject.toml setup.py requirements.lock
WORKERS ?= 3
.DELETE_ON_ERROR:
.PHONY: help demo test check format docs reliability bench screenshot

# Biome lints and formats the modules of the page. It comes by npm; without npm this says so, which is an error only in CI.
define biome
	@if command -v npm >/dev/null; then \
	  $(MAKE) -s --no-print-directory node_modules/.installed && node_modules/.bin/biome $(1); \
	else \
	  echo "serve/static was NOT linted or formatted: npm is missing; on Debian and Ubuntu: apt install nodejs npm" >&2; \
	  test -z "$$CI"; \
	fi
endef

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | sort | sed 's/^/  make /'

demo: .venv/.base ## simulated amplifier -> decoder -> web page; more: make demo ARGS='--seconds 60'
	$(BIN)/glimpse demo $(ARGS)

# Side by side, a file at a time: half of the suite waits for real time. One by one: make test WORKERS=0.
test: .venv/.dev ## every test; some of them: make test ARGS='tests/realtime -k bank'
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: .venv/.dev ## lint, format, types, and who imports whom; the page's modules too
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest --durations=0 tests/layout/test_imports.py
	$(call biome,check --error-on-warnings)

format: .venv/.dev ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(call biome,check --write)

docs: .venv/.dev ## every document and the API as one searchable site, in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "site/ is ready: $(BIN)/python -m http.server -d site 8000, then open http://localhost:8000"

reliability: .venv/.dev ## what happens when things break, measured, into docs/reliability.md
	GLIMPSE_RELIABILITY=docs/reliability.md $(BIN)/pytest --durations=0 tests/system/test_faults.py tests/system/test_session_handover.py tests/system/test_recording.py

bench: .venv/.dev ## latency of this machine, push to client
	$(BIN)/glimpse bench latency $(ARGS)

screenshot: .venv/.dev ## the README's picture, taken of the running demo
	$(BIN)/python -m tests.system.screenshot

# Decoding and serving only: no torch.
.venv/.base: $(SOURCES) | $(BIN)/python
	$(BIN)/pip install -c requirements.lock -e .
	@touch $@

# One resolver run for everything, so that the versions fit together.
.venv/.dev: $(SOURCES) | $(BIN)/python
	$(BIN)/pip install -c requirements.lock -e '.[all,dev]'
	@touch $@

# package.json pins the exact version; there is no lock file, because it would name the registry's address.
node_modules/.installed: package.json
	npm install --no-save --no-package-lock --no-audit --no-fund
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed, '$(PYTHON)' is not; name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
	  echo "'$(PYTHON) -m venv' failed; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
