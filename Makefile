# Every target makes the virtual environment it needs from python3 and PyPI alone.
# A second run reuses it: the stamps below are older than pyproject.toml only when it changed.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet
TESTS  ?= $(wildcard tests/unit tests/property tests/faults tests/house)
WORKERS ?= 2
CODE   := $(wildcard tablestore tests examples bench)

.PHONY: help demo test conformance arbitration-control lint bench torture clean
.DEFAULT_GOAL := help

help:
	@echo "make demo         336,776 flights streamed into a table while another process reads it"
	@echo "make test         unit, property and house tests"
	@echo "make conformance  other engines read our tables, we read theirs"
	@echo "make arbitration-control  races on a server that cannot arbitrate must go wrong (needs Go)"
	@echo "make lint         ruff, mypy --strict, import-linter"
	@echo "make bench        speed against pyarrow, each line checks its answer"
	@echo "make torture      storage faults, kills and races for MINUTES=5; FLAGS=--help lists more"
	@echo "make clean        removes what the targets above made"

demo: $(VENV)/.demo
	$(BIN)/python examples/flights.py

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(WORKERS) $(TESTS)

conformance: $(VENV)/.dev
	$(BIN)/python -m tests.support.peers install
	$(BIN)/python -m pytest -n $(WORKERS) tests/conformance

# A server whose conditional PUT is not atomic (built with Go): the races must go wrong there.
arbitration-control: $(VENV)/.dev
	$(BIN)/python -m tests.support.arbitration_control

lint: $(VENV)/.dev
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(VENV)/.bench
	$(BIN)/python -m bench

MINUTES ?= 5
torture: $(VENV)/.dev
	$(BIN)/python -m tests.support.torture --minutes $(MINUTES) $(FLAGS)

clean:
	rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
	$(PYTHON) examples/flights.py --clean

# pip knows dependency groups from 25.1 on, and the pip that python3 brings may be older.
$(VENV)/.base:
	@$(PYTHON) -c 'import sys; sys.exit("tablestore needs Python 3.11 or newer; " + sys.executable + " is " + sys.version.split()[0] + ": make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade "pip>=25.1"
	@touch $@

$(VENV)/.demo: pyproject.toml | $(VENV)/.base
	$(PIP) install --editable . --group demo
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/.base
	$(PIP) install --editable . --group dev
	@touch $@

$(VENV)/.bench: pyproject.toml | $(VENV)/.base
	$(PIP) install --editable . --group bench
	@touch $@
