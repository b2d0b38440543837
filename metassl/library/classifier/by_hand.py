"""Labels that a person has given to pictures of a folder, kept in one file there."""

import csv
import os
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from metassl.errors import DataError
from metassl.files import write_atomically

NAME = "by_hand.csv"
HEAD = ["file", "label"]


def read_by_hand(folder: Path) -> dict[str, str]:
    """File, as a path below the folder -> label, in the order in which they were given; {} without a file.

    Raises:
        DataError: a line that is no file and label, or one file twice; names the line.
    """
    path = folder / NAME
    if not path.is_file():
        return {}
    try:
        rows = list(csv.reader(StringIO(path.read_text(encoding="utf-8"))))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"'{path}': can't be read ({error}).") from None
    if not rows or rows[0] != HEAD:
        raise DataError(f"'{path}': found the columns {rows[0] if rows else []}, needed are {HEAD}.")
    found: dict[str, str] = {}
    for line, row in enumerate(rows[1:], 2):
        if len(row) != 2 or not row[1] or row[0] in found:
            raise DataError(f"'{path}', line {line}: found {row}, needed is a file, once, and its label.")
        found[row[0]] = row[1]
    return found


def write_by_hand(folder: Path, labels: Mapping[str, str]) -> None:
    """Writes all labels, whole or not at all; when it returns they are on disk."""

    def write(path: Path) -> None:
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([HEAD, *labels.items()])
            file.flush()
            os.fsync(file.fileno())

    write_atomically(folder / NAME, write)
