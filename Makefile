# The two commands of a fresh machine: make run, make test.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
# One test waits for its driver half of the time: three sessions leave two cores idle for 1 % of it (2026-11), where there is memory for
# them (5 GB each); two elsewhere. A file's tests stay together, long files first.
MEMORY   := $(shell awk '/^MemTotal/ {print $$2}' /proc/meminfo 2>/dev/null)
SESSIONS := $(shell test "$(MEMORY)" -ge 20000000 2>/dev/null && echo 3 || echo 2)
SIDE_BY_SIDE := -n $(SESSIONS) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help install run test prove check bench docs zip clean

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

install: $(READY) ## Install everything into .venv (once)

$(READY): requirements.lock pyproject.toml setup.py
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] < (3, 14) else "gridlens needs Python 3.11 to 3.13, found %d.%d: set PYTHON, as in make PYTHON=python3.11 run" % sys.version_info[:2])'
	@command -v java >/dev/null || { echo "gridlens needs Java 17 or 21: install one and put java on the PATH"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (a few minutes, once) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	@echo "Fetching Delta's jars, archiving Java's classes (200 MB, once) ..."
	@$(BIN)/gridlens jars
	@touch $@

run: $(READY) ## Build the synthetic province and run the whole chain on it
	$(BIN)/gridlens run

test: $(READY) ## What CI runs
	$(BIN)/python -m pytest tests -m "not prove" -q $(SIDE_BY_SIDE)

prove: $(READY) ## The long proofs
	$(BIN)/python -m pytest tests -m "prove" -q

check: $(READY) ## ruff, mypy and the tests that need no Spark
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/unit -m "not prove and not spark" -q

bench: $(READY) ## Benchmarks, peers in the same run, a line of JSON each
	$(BIN)/python -m bench

docs: $(READY) ## Pages made from contracts and definitions
	$(BIN)/python -m gridlens.reports.tables_doc
	$(BIN)/gridlens tags page --to docs/tags.md

zip: $(READY) ## The archive for spark-submit --py-files (a wheel fails on executors)
	$(BIN)/python -m gridlens.archive dist

clean: ## Remove what a run left behind
	rm -rf .gridlens build dist
