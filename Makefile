# Two commands do all the set-up: `make bench` and `make test`. Safe to repeat.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Tests start hundreds of processes, each of which would compile anew what it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: bench test controls perf clean

# What measuring needs.
$(VENV)/.measures: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	touch $@

# What tests need besides.
$(VENV)/.tests: $(VENV)/.measures
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

bench: $(VENV)/.measures
	$(BIN)/python -m bench.run --preset quick

# Four files at a time, for two cores: for half of the time a file's tests wait. In the order that tests/conftest.py gives
# them: no assertion is about how long something takes.
test: $(VENV)/.tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml bench src
	$(BIN)/pytest -q -m "not slow" -n logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder

# Known cost changes of real releases, planted slowdowns, all snippets and example scripts of the docs, and whole runs whose
# parts `make test` tests; those that need the package index are skipped where it does not answer.
controls: $(VENV)/.tests
	$(BIN)/pytest -q -m slow -n 2 --dist worksteal

perf: $(VENV)/.tests
	$(BIN)/python -m studies.perf

clean:
	rm -rf $(VENV)
