# The entry points; CI uses the same ones. Everything needed comes from the package registries.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo-state
DEMO_VENV := .venv-demo
# Whatever is configured for the user has no part in the demo.
TRY = env -u BATCHCTL_CONFIG XDG_CONFIG_HOME=$(CURDIR)/$(DEMO) $(DEMO_VENV)/bin/batchctl --state $(DEMO)

.PHONY: demo test lint bench mutants site clean

# A venv to work in, with the extras and with what the tests need; remade when the project's file changes.
$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

# What a user has after `pip install batchctl`, no more; remade when the package changes.
$(DEMO_VENV)/.installed: pyproject.toml $(shell find batchctl bin -type f ! -name '*.pyc')
	$(PYTHON) -m venv --clear $(DEMO_VENV)
	$(DEMO_VENV)/bin/python -m pip install --quiet --disable-pip-version-check .
	touch $@

demo: $(DEMO_VENV)/.installed
	$(TRY) run daily-batch --force
	$(TRY) status
	$(TRY) report
	$(TRY) report --format html --output demo-report.html
	@echo "The report as a page: $(CURDIR)/demo-report.html"

test: $(VENV)/.installed
	sh tests/ensure_packages.sh
	$(BIN)/python -m pytest -n auto --dist loadgroup

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed
	$(BIN)/python benchmarks/run.py

mutants: $(VENV)/.installed
	$(BIN)/python tools/mutants.py

site: $(VENV)/.installed
	$(BIN)/python tools/reference.py
	$(BIN)/python tools/draw_rooms.py
	$(BIN)/zensical build --strict --clean
	@echo "The documents as a site: $(CURDIR)/site/index.html"

clean:
	rm -rf $(VENV) $(DEMO_VENV) $(DEMO) demo-report.html site
