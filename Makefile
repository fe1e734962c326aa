# Everything here works on a fresh Debian with Python 3.11, root and the package registries.
#
#   make demo       sync a made-up org into a DuckDB file and show what landed
#   make test       the suite              make test-all   with the long tests too
#   make check      format, lint, types, import rules
#   make lock       the lock files again, from pyproject.toml

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test test-all check lock clean

demo: $(VENV)/.ready-base
	$(BIN)/kustomer-sync demo

test: $(VENV)/.ready-dev
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-all: $(VENV)/.ready-dev
	$(BIN)/python -m pytest -n 2

check: $(VENV)/.ready-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# A ready file is newer than all it was made from, so a second run installs nothing.
$(VENV)/.ready-%: requirements/%.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip
	$(PIP) install --require-hashes -r requirements/$*.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	touch $@

# Debian keeps venv in a package of its own.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or later is needed; name it: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) \
	  || { rm -rf $(VENV) && apt-get update -q && apt-get install -qy python3-venv \
	       && $(PYTHON) -m venv $(VENV); } \
	  || { rm -rf $(VENV) && $(PYTHON) -m pip install --user --break-system-packages virtualenv \
	       && $(PYTHON) -m virtualenv $(VENV); }

# base: what a user needs, and the build backend. dev: that and the tools, at the same versions.
COMPILE = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-header --no-annotate --no-emit-index-url --no-emit-find-links

lock:
	@command -v uv >/dev/null || { echo "uv is needed: pip install uv" >&2; exit 1; }
	$(COMPILE) pyproject.toml --group build --group dev --output-file requirements/dev.txt
	$(COMPILE) pyproject.toml --group build --constraints requirements/dev.txt \
	  --output-file requirements/base.txt

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
