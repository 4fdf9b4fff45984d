# Every target builds its own environment; nothing but Python >= 3.11 and make is needed.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq

.PHONY: help demo test coverage bench gate lint types docs clean
help:
	@echo "make demo      run the example program, see a failure explained, check the log it wrote"
	@echo "make test      run the tests"
	@echo "make coverage  the same, with what they reach: twice as long, fails below 95 %"
	@echo "make bench     run the benchmarks beside their peers and hold them to their targets"
	@echo "make gate      compare them with their baseline: fails if one became slower"
	@echo "make lint      check style"
	@echo "make types     check types"
	@echo "make docs      build the documentation into site/"
	@echo "make clean     remove the environments and everything that was built"

$(VENV)/.ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	@echo "setting up $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --upgrade pip
	@$(PIP) install --editable '.[benchmark]' --group test
	@touch $@

demo: $(VENV)/.ready
	@$(BIN)/python docs/examples/demo.py

test: $(VENV)/.ready
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

coverage: $(VENV)/.ready
	@$(BIN)/python -m pytest --cov --cov-report=term -n 2 --dist worksteal $(ARGS)

# logfire is a peer here: its pytest plugins are not wanted.
PEERLESS := -p no:logfire -p no:pytest_logfire

bench: $(VENV)-bench/.ready
	@$(VENV)-bench/bin/python -m pytest --benchmark-only --benchmark-columns=min,median,rounds $(PEERLESS) $(ARGS)

gate: $(VENV)-bench/.ready
	@$(VENV)-bench/bin/pytest-telemetry gate $(ARGS) -- $(PEERLESS)

lint: $(VENV)/.lint
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.types
	@$(BIN)/mypy

docs: $(VENV)/.docs
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# The peers bring pytest plugins of their own, which do not belong into the tests.
$(VENV)-bench/.ready: pyproject.toml
	@echo "setting up $(VENV)-bench"
	@$(PYTHON) -m venv $(VENV)-bench
	@$(VENV)-bench/bin/python -m pip --disable-pip-version-check -qq install --upgrade pip
	@$(VENV)-bench/bin/python -m pip --disable-pip-version-check -qq install --editable '.[benchmark]' --group test --group peers
	@touch $@

$(VENV)/.lint: $(VENV)/.ready
	@$(PIP) install --group lint
	@touch $@

$(VENV)/.types: $(VENV)/.ready
	@$(PIP) install --group types
	@touch $@

$(VENV)/.docs: $(VENV)/.ready
	@$(PIP) install --group docs
	@touch $@

clean:
	rm -rf .venv* build dist site .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis
