# Two commands do all the set-up: `make bench` and `make test`. Safe to repeat.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: venv bench test perf clean

venv: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

bench: venv
	$(BIN)/python -m bench.run --preset quick

test: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -q

perf: venv
	$(BIN)/python -m tests.perf

clean:
	rm -rf $(VENV)
