"""The committed results of a suite: a small JSON file for each row of a table and seed."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from metassl.errors import DataError
from metassl.experiments.suites.needed_runs import result_folder, slug, training_of
from metassl.experiments.suites.suite import Entry, Suite, Table
from metassl.files import read_json, write_json
from metassl.outcomes.scores import KNOWN
from metassl.runs.config import load_config
from metassl.runs.facts import check_facts, check_score, is_number
from metassl.runs.file_names import ABOUT, CONFIG, RESULTS
from metassl.runs.read import deciding_score

# what is kept of results.json, where it is there
KEPT = (
    "split", "episodes", "make_up", "outcome", "score", *KNOWN, "validation", "twin", "gain", "unbalanced",
    "deprived", "way", "shot",
    "queries", "unlabelled", "distractors", "distractor_unlabelled", "norm", "transductive", "steps",
)  # fmt: skip
PARTS = {"commit": dict, "packages": dict, "reduced": bool, "training_seconds": int | float}  # of a record
Record = dict[str, Any]
Records = Mapping[tuple[str, str, str], Mapping[int, Record]]


def write_records(
    suite: Suite, seeds: Sequence[int], changes: Sequence[str], out: Path, results: Path
) -> list[Path]:
    """Writes the records of all cells that have results; returns the files.

    Args:
        suite: whose tables.
        seeds: of the records.
        changes: words that every run had.
        out: folder of the runs.
        results: the suite's folder of records; cells of a file that are not among the runs stay in it.
    """
    written = []
    for table, row, seed in _files(suite, seeds):
        found = {
            entry.column: record(entry, seed, changes, out)
            for entry in table.entries
            if entry.row == row and (result_folder(entry, seed, changes, out) / RESULTS).is_file()
        }
        if found:
            path = results / _file(table, row, seed)
            results.mkdir(parents=True, exist_ok=True)
            cells = {**(_read(path)["cells"] if path.is_file() else {}), **found}
            write_json(path, {"table": table.name, "row": row, "seed": seed, "cells": cells})
            written.append(path)
    return written


def record(entry: Entry, seed: int, changes: Sequence[str], out: Path) -> Record:
    """What is kept of one cell: its numbers, how it was made, on what, and by which code."""
    folder = result_folder(entry, seed, changes, out)
    trained = out / training_of(entry, seed, changes).name
    results, about = read_json(folder / RESULTS), _about(trained)
    config = load_config(trained / CONFIG)
    tested = _about(folder)
    made = {
        "experiment": entry.experiment,
        "weights": entry.weights,
        "words": tested["overrides"],
        **{key: results[key] for key in KEPT if key in results},
        "reduced": results.get("reduced", False),
        "label_ratio": config.episode.get("label_ratio"),
        "tasks": config.trainer.tasks,
        "precision": config.trainer.precision,
        "training_seconds": read_json(trained / RESULTS).get("wall_seconds"),
        "commit": about["git"],
        "hardware": about["hardware"],
        "python": about["python"],
        "packages": about["packages"],
    }
    _check(folder / RESULTS, "", made)
    return made


def read_records(results: Path) -> Records:
    """(table, row, column) -> seed -> record, of all seeds that are stored."""
    found: dict[tuple[str, str, str], dict[int, Record]] = {}
    for path in sorted(results.glob("*.json")):
        content = _read(path)
        for column, cell in content["cells"].items():
            found.setdefault((content["table"], content["row"], column), {})[content["seed"]] = cell
    return {key: dict(sorted(cells.items())) for key, cells in found.items()}


def _read(path: Path) -> dict[str, Any]:
    """The content of a record's file. Raises DataError unless all is there that a report needs."""
    content = read_json(path)
    for key, kind in {"table": str, "row": str, "seed": int, "cells": dict}.items():
        if type(content.get(key)) is not kind:
            raise DataError(f"{path}: is no record, it has no '{key}'.")
    for column, cell in content["cells"].items():
        _check(path, f"cells.{column}.", cell)
    return content


def _check(path: Path, where: str, cell: Any) -> None:
    if not isinstance(cell, dict):
        raise DataError(f"{path}: '{where[:80]}' is no record of a run.")
    check_facts(path, cell, where)
    for key, kind in PARTS.items():
        if not isinstance(cell.get(key), kind):
            raise DataError(f"{path}: has no '{where}{key}'.")
    decides = deciding_score(cell)
    check_score(path, f"{where}{decides}", cell.get(decides))
    if not is_number(cell[decides].get("ci95")):
        raise DataError(f"{path}: '{where}{decides}' has no number 'ci95'.")


def _about(folder: Path) -> dict[str, Any]:
    """The run.json of a folder. Raises DataError unless it says what a record tells."""
    about = read_json(folder / ABOUT)
    for key in ("overrides", "git", "hardware", "python", "packages"):
        if key not in about:
            raise DataError(f"{folder / ABOUT}: has no '{key}'.")
    return about


def _files(suite: Suite, seeds: Sequence[int]) -> Iterator[tuple[Table, str, int]]:
    return ((table, row, seed) for table in suite.tables for row in table.rows for seed in seeds)


def _file(table: Table, row: str, seed: int) -> str:
    return "-".join(filter(None, (slug(table.name), slug(row), str(seed)))) + ".json"
