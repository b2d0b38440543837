"""Checks what a run, or a record of one, says of itself: the file may be damaged, or somebody else's."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metassl.errors import DataError

WORD = re.compile(r"\w{1,40}", re.ASCII)  # names of files are made of these
WORDS = ("outcome", "score")
NUMBERS = ("episodes", "wall_seconds", "training_seconds", "imbalance")
LONGEST = 2000  # letters; the text of a table's cell
LARGEST = 1e15


def check_facts(path: Path, facts: Mapping[str, Any], where: str = "") -> None:
    """Raises DataError unless every value can stand in a table: text, numbers, a score, or keys with these.

    Args:
        path: of the file, for messages.
        facts: name -> value.
        where: what the names begin with in messages.
    """
    for key, value in facts.items():
        name = f"{where}{key}"
        if isinstance(value, dict):
            if "mean" in value:
                check_score(path, name, value)
            check_facts(path, value, f"{name}.")
        elif key in WORDS and not (isinstance(value, str) and WORD.fullmatch(value)):
            raise _wrong(path, name, value, "a word")
        elif key in NUMBERS and value is not None and not is_number(value):
            raise _wrong(path, name, value, "a number")
        elif not (is_text(value) or is_number(value) or isinstance(value, bool | None) or _several(value)):
            raise _wrong(path, name, value, "text, a number, a list of them or keys with these")


def check_score(path: Path, name: str, value: Any) -> None:
    """Raises DataError unless a value has a number `mean`, and a number or null `ci95` where it has one."""
    if not isinstance(value, dict) or not is_number(value.get("mean")):
        raise DataError(f"{path}: '{name}' has no number 'mean'.")
    width = value.get("ci95")
    if width is not None and not is_number(width):
        raise _wrong(path, f"{name}.ci95", width, "a number")


def is_number(value: Any) -> bool:
    """Whether a value of JSON is a number that can be reckoned with; nan stands for one that is not known."""
    return isinstance(value, int | float) and not isinstance(value, bool) and not abs(value) > LARGEST


def is_text(value: Any) -> bool:
    """Whether a value of JSON is text that a table has room for."""
    return isinstance(value, str) and len(value) <= LONGEST


def _several(value: Any) -> bool:
    return isinstance(value, list) and all(is_text(each) or is_number(each) for each in value)


def _wrong(path: Path, name: str, value: Any, allowed: str) -> DataError:
    return DataError(f"{path}: '{name[:80]}' is {str(value)[:40]!r}, expected {allowed}.")
