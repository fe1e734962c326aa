# Everything a fresh checkout needs, with Python 3.11 and the package registries.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
STAMP := $(VENV)/.installed

# Where Python is told to keep no bytecode, each of the suite's processes would compile anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-all check docs bench lock clean

demo: $(STAMP)  ## sync a made-up org into a DuckDB file and show what landed
	@$(BIN)/kustomer-sync demo

test: $(STAMP)  ## the suite, in a few minutes on two cores
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-all: $(STAMP)  ## the long ones too
	EVERY_CONDITION=1 $(BIN)/python -m pytest -n 2

check: $(STAMP)  ## lint, format, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(STAMP)  ## renew docs/reference, and the output that README and docs show
	@$(BIN)/python docs/build.py

bench: $(STAMP)  ## how fast, how large, how frugal, beside dlt; docs/explanation/performance.md
	$(BIN)/python bench/run.py small

lock: $(STAMP)  ## renew requirements.lock from pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url --group dev pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) demo

$(STAMP): pyproject.toml requirements.lock
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || { rm -rf $(VENV); \
	  apt-get update -qq && apt-get install -y -qq python3-venv && $(PYTHON) -m venv $(VENV); }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
