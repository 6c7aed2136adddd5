# Everything a newcomer types. Needs Python 3.11 or newer with pip and venv, and GNU make; paths are relative, so the
# checkout may lie in a folder with spaces in its name.

PYTHON ?= python3
BIN := .venv/bin
RUN := $(BIN)/python -m
PIP_INSTALL := $(RUN) pip install --quiet --disable-pip-version-check
DEMO := runs/demo

.DEFAULT_GOAL := help
.PHONY: help demo rerecord test servers soak check lint format bench venv clean

help: ## what there is to type
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile

demo: .venv/.core ## a drawn scene, judged without a model and by a model's recorded replies; a minute, no network
	@$(RUN) ruler.cli demo -o $(DEMO)
	@printf 'Open %s (without a model) and\n%s (by a model, replayed) in a browser.\n' '$(CURDIR)/$(DEMO)/run/report.html' '$(CURDIR)/$(DEMO)/run-by-model/report.html'

test: .venv/.dev ## set everything up and run the tests
	@$(RUN) pytest

servers: .venv/.servers ## the tests against real model servers; installs torch (RULER_ALL_FRAMES=1: all of Ped2)
	@RULER_SERVERS_REQUIRED=1 $(RUN) pytest tests/servers

soak: .venv/.dev ## 10,000 frames over a model server that fails one time in ten, with limits and an interrupt; minutes
	@RULER_SOAK=10000 $(RUN) pytest tests/faults/test_soak.py

check: lint test ## everything a change has to pass: style, types, who may know whom, tests

lint: .venv/.dev ## style, types, who may know whom
	@$(RUN) ruff check --quiet .
	@$(RUN) ruff format --quiet --check . || { echo 'run: make format' >&2; exit 1; }
	@$(RUN) mypy --no-error-summary
	@$(BIN)/lint-imports --no-cache >.venv/lint-imports.log 2>&1 || { cat .venv/lint-imports.log >&2; exit 1; }

format: .venv/.dev ## put the code into shape
	@$(RUN) ruff check --quiet --fix-only .
	@$(RUN) ruff format --quiet .

rerecord: .venv/.core ## ask MODEL anew about the demo's scene and keep its replies: make rerecord MODEL=ollama:NAME
	@test -n "$(MODEL)" || { echo 'say which model: make rerecord MODEL=http://localhost:8000/v1#NAME' >&2; exit 1; }
	@rm -rf runs/rerecord
	@$(RUN) ruler.cli demo -o runs/rerecord --rerecord '$(MODEL)'

bench: .venv/.dev ## print the tables of measurements again
	@$(BIN)/python -m benchmarks.run

venv: .venv/.dev ## the virtual environment alone, in .venv

clean: ## remove what was built or cached; runs/ and .venv stay
	@rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find ruler tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps, so that set-up is done once and again only when pyproject.toml changes.
.venv/.core: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than Python 3.11; say which one to use: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP_INSTALL) -e .
	@touch $@

.venv/.dev: .venv/.core
	@$(PIP_INSTALL) -e '.[dev]'
	@touch $@

# torch by itself and first: an open range, or one left to transformers, brings gigabytes for graphics cards along.
.venv/.servers: .venv/.dev
	@$(PIP_INSTALL) torch==2.13.0
	@$(PIP_INSTALL) 'accelerate>=1.10,<2' 'fastapi>=0.130,<1' 'transformers>=5.19,<6' 'uvicorn>=0.40,<1'
	@touch $@
