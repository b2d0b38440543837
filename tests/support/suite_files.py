"""A small suite file, where a test writes one, and what is stored of its cells."""

from pathlib import Path

TEXT = """
title: A table
seeds: [0, 7]
tables:
  - columns: {plain: [], more: [episode.test.unlabelled=2]}
    rows:
      one: {experiments: a/x}
      two: {experiments: [a/y, a/z], weights: a/x, words: [ssl.at=test]}
"""

CURVE = TEXT.replace("{plain: [], more:", "{'0': [], '2':").replace(
    "tables:\n  - ", "tables:\n  - axis: M\n    "
)


def write(folder: Path, text: str) -> Path:
    """The folder, with the text in mine.yaml."""
    (folder / "mine.yaml").write_text(text)
    return folder


def cell(accuracy: float) -> dict:
    """The record of a run with this accuracy, in percent."""
    facts = dict.fromkeys(
        ("split", "episodes", "way", "shot", "queries", "unlabelled", "label_ratio", "norm", "transductive",
         "steps", "tasks", "precision", "hardware", "python", "distractors"), 1) | {"reduced": False}  # fmt: skip
    about = {"commit": {"revision": "abcdef123", "dirty": False}, "packages": {"torch": "9"}}
    return {"accuracy": {"mean": accuracy / 100, "ci95": 0.004}, "training_seconds": 60.0, **facts, **about}


def error_cell(error: float) -> dict:
    """The record of a run with this mean squared error."""
    return {**cell(0), "score": "mse", "mse": {"mean": error, "ci95": 0.004}}
