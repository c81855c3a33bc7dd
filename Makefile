# Every target sets itself up: a fresh clone, git, make and python3 (3.11 or newer) are enough.
# `make` alone prints what there is.

PYTHON ?= python3
BIN := .venv/bin
# More for pytest, for example: make test ARGS='tests/plan -x'
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test check format bench soak lock clean setup setup-run

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo: setup-run ## the whole path on this machine, with real parts and traffic
	@$(BIN)/fairlead demo $(ARGS)

test: setup ## all tests (ARGS='tests/plan -x' for some)
	@$(BIN)/pytest -q -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

check: setup ## lint, format, types, who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## rewrite the code in the house's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## the figures of the README, measured on this machine
	@$(BIN)/python -m benchmarks $(ARGS)

soak: setup ## every test, the long ones too, and the properties for much longer
	@FAIRLEAD_HYPOTHESIS=thorough $(BIN)/pytest -q -m "soak or not soak" --timeout=3600 $(ARGS)

lock: setup ## write requirements/*.txt again (ARGS=--upgrade for newer versions)
	@tools/lock.sh $(ARGS)

clean: ## remove what the targets made
	rm -rf .venv build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

setup:
	@$(PYTHON) tools/setup.py dev

setup-run:
	@$(PYTHON) tools/setup.py run
