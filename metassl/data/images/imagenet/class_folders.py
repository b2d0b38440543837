"""Pictures in class folders, or named by csv files of the columns filename and label."""

import csv
from collections.abc import Collection, Sequence
from pathlib import Path, PureWindowsPath

import numpy as np

from metassl.data.class_folders import visible
from metassl.data.images.imagenet.parts import Part, Put
from metassl.data.images.pictures import decode
from metassl.data.preparing.progress import track
from metassl.errors import DataError

COLUMNS = ["filename", "label"]
# Where a picture may lie that a csv file names; the first of its rows decides.
PLACES = ("images/{file}", "images/{label}/{file}", "{split}/{label}/{file}", "{split}/{file}")


def folder_part(folder: Path, only: Collection[str] | None = None) -> Part:
    """The pictures folder/<class>/<file>, of the classes `only` or of all."""
    classes = [found for found in visible(folder, folders=True) if only is None or found.name in only]
    files = [visible(found) for found in classes]
    labels = np.repeat(np.arange(len(classes)), np.array([len(found) for found in files], np.int64))
    return _part(folder, [found.name for found in classes], labels, [f for found in files for f in found])


def csv_part(folder: Path, split: str) -> Part:
    """The pictures that folder/<split>.csv names, in one of `PLACES`.

    Raises:
        DataError: other columns, no rows, a name that leaves the folder or occurs twice, or no such picture.
    """
    table = folder / f"{split}.csv"
    rows = _rows(table)
    names = sorted({label for _, label in rows})
    index = {name: k for k, name in enumerate(names)}
    places = [place.format(file=rows[0][0], label=rows[0][1], split=split) for place in PLACES]
    found = [place for place, file in zip(PLACES, places, strict=True) if (folder / file).is_file()]
    if not found:
        raise DataError(f"'{table}': of its first picture none of {', '.join(places)} is in '{folder}'.")
    files = [folder / found[0].format(file=file, label=label, split=split) for file, label in rows]
    return _part(table, names, np.array([index[label] for _, label in rows]), files)


def _rows(table: Path) -> list[tuple[str, str]]:
    """The file and the label of each row."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as opened:
            lines = [[cell.strip() for cell in line] for line in csv.reader(opened) if line]
    except OSError as error:
        raise DataError(f"'{table}' can't be read: {error.strerror}.") from error
    except (ValueError, csv.Error) as error:
        raise DataError(f"'{table}' can't be read as csv: {error}.") from error
    if not lines or lines[0] != COLUMNS:
        found = ",".join(lines[0]) if lines else "nothing"
        raise DataError(f"'{table}': found the columns '{found[:80]}', allowed are '{','.join(COLUMNS)}'.")
    seen: set[str] = set()
    for number, line in enumerate(lines[1:], 2):
        if len(line) != len(COLUMNS) or not all(line):
            raise DataError(f"'{table}', row {number}: found {len(line)} cells, allowed are file and label.")
        if _leaves(line[0]) or _leaves(line[1]) or line[1] != PureWindowsPath(line[1]).name:
            raise DataError(f"'{table}', row {number}: '{','.join(line)}' is no name within the folder.")
        if line[0] in seen:
            raise DataError(f"'{table}', row {number}: '{line[0]}' occurs twice, allowed is once.")
        seen.add(line[0])
    if not seen:
        raise DataError(f"'{table}' has no rows, at least 1 is needed.")
    return [(file, label) for file, label in lines[1:]]


def _leaves(name: str) -> bool:
    """Whether a name leads out of its folder; Windows' rules know both slashes and drives."""
    path = PureWindowsPath(name)
    return ".." in path.parts or bool(path.anchor)


def _part(where: Path, names: Sequence[str], labels: np.ndarray, files: Sequence[Path]) -> Part:
    def send(put: Put) -> None:
        for file in track(files, where.name):
            put(np.asarray(decode(file, "RGB", f"'{file}'"))[None])

    return Part(where, names, labels, send)
