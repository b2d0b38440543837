"""A small suite file, and where a test writes one."""

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


def write(folder: Path, text: str) -> Path:
    """The folder, with the text in mine.yaml."""
    (folder / "mine.yaml").write_text(text)
    return folder
