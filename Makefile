# The two commands of a fresh machine: make run, make test. Both set up .venv first.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup run test lint bench

setup: .venv/.done

.venv/.done: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch .venv/.done

run: setup
	$(BIN)/python train.py evaluation.episodes=300

test: setup lint
	$(BIN)/python -m pytest -n 2

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup
	$(BIN)/python -m benchmarks.episodes
