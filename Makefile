# Two commands do all the set-up: `make bench` and `make test`. Safe to repeat.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: venv bench test controls perf clean

venv: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

bench: venv
	$(BIN)/python -m bench.run --preset quick

# Two files at a time: no assertion of these is about how long something takes. Those that are run alone, below.
test: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -q -m "not slow" -n 2 --dist loadfile

# Known cost changes of real releases, and planted slowdowns; those that need the package index are skipped where it does not answer.
controls: venv
	$(BIN)/pytest -q -m slow

perf: venv
	$(BIN)/python -m tests.perf

clean:
	rm -rf $(VENV)
