# The two commands of a fresh machine: make run, make test. Both set up .venv first.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup run test lint docs bench

setup: .venv/.done

.venv/.done: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch .venv/.done

run: setup
	$(BIN)/metassl train evaluation.episodes=150 trainer.val_every=160

# One thread a process: those of two test processes, and of the commands that they start, would wait for each other.
test: setup lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-logo

# The pages of docs/ that are made from conf/ and the docstrings, and all pages as a site: site/html/index.html.
# Fails where a link leads nowhere.
docs: setup
	$(BIN)/python scripts/docs.py

# Speed against other libraries, about an hour; METASSL_DATA_DIR has to hold Omniglot.
bench: setup
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	for name in maml_step rounding episodes meta_test meta_test_check overhead startup scaling large_pool map_cells ren2018; do $(BIN)/python -m benchmarks.$$name || exit 1; done
	$(BIN)/python -m benchmarks.report
