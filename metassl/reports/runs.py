"""Read what training left behind: the folder of one run, or a sweep's numbered job folders."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from metassl.errors import DataError, UserError
from metassl.files import read_json


class Series(NamedTuple):
    """One metric over training: the steps at which it was logged (ascending) and its values there."""

    steps: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Run:
    """One training run. `seed` is None and `choices` empty where a job ended before it wrote run.json."""

    folder: Path
    choices: Mapping[str, str]
    seed: int | None
    overrides: tuple[str, ...]
    status: str
    error: str | None
    results: Mapping[str, Any] | None
    curve: Mapping[str, Series] = field(default_factory=dict)
    dirty: bool = False  # whether the working tree differed from the commit

    @property
    def finished(self) -> bool:
        """Whether the run ended well and left its test results."""
        return self.status == "done" and self.results is not None

    def result(self, key: str) -> Any:
        """What results.json holds under `key`; None where either is missing."""
        return None if self.results is None else self.results.get(key)


def find_runs(folder: Path) -> list[Run]:
    """The jobs of a sweep's folder, by number or by name, or the one run that the folder itself is.

    A job that ended before it wrote run.json becomes a run with no choices and its status.json's error,
    or the status "not started", so that a report can name it. Raises UserError where the folder is
    missing, holds no run, or holds a broken file.
    """
    if not folder.is_dir():
        raise UserError(f"run folder '{folder}': not found, or not a folder.")
    if (folder / "run.json").is_file():
        return [read_run(folder)]
    jobs = sorted((path for path in folder.iterdir() if _is_job(path)), key=_by_number)
    if not any(_began(job) for job in jobs):
        raise UserError(f"run folder '{folder}': no run inside. Expected a run.json, or folders with one.")
    return [read_run(job) if (job / "run.json").is_file() else _not_started(job) for job in jobs]


def read_run(folder: Path) -> Run:
    """One run's folder. Only run.json must be there; raises UserError where it isn't or a file is broken."""
    about = _read_json(folder / "run.json")
    if about is None:
        raise UserError(f"run folder '{folder}': no run.json inside.")
    choices, seed = about.get("choices"), about.get("seed")
    if not isinstance(choices, dict) or not isinstance(seed, int):
        raise DataError(f"{folder / 'run.json'}: expected an object 'choices' and a whole number 'seed'.")
    results = _read_results(folder / "results.json")
    status, error = _read_status(folder)
    if status is None:  # a second test of a run, which has results and no status
        status, error = ("unknown", "no status.json") if results is None else ("done", None)
    return Run(
        folder=folder,
        choices={key: str(value) for key, value in choices.items()},
        seed=seed,
        overrides=tuple(str(entry) for entry in about.get("overrides") or ()),
        status=status,
        error=error,
        results=results,
        curve=_read_curve(folder / "metrics.csv"),
        dirty=bool((about.get("git") or {}).get("dirty")),
    )


def read_episodes(run: Run) -> dict[int, float] | None:
    """{episode number: accuracy} on the test split, or None where the run stored no episodes."""
    path = run.folder / "episodes.parquet"
    if not path.is_file():
        return None
    from pyarrow.parquet import read_table  # here, because only the paired comparisons need pyarrow

    try:
        table = read_table(path, columns=["episode", "accuracy"])
        return dict(zip(table["episode"].to_pylist(), table["accuracy"].to_pylist(), strict=True))
    except (OSError, ValueError, KeyError) as error:  # pyarrow's own errors derive from these
        reason = str(error).splitlines()[0]
        raise DataError(f"{path}: not a table with 'episode' and 'accuracy' ({reason}).") from error


def _is_job(path: Path) -> bool:
    """A numbered folder of a sweep, started or not, or a named one that was started."""
    return path.is_dir() and (_is_number(path.name) or _began(path))


def _began(job: Path) -> bool:
    return any((job / name).is_file() for name in ("run.json", "status.json"))


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit()


def _by_number(path: Path) -> tuple[int, str]:
    return (int(path.name) if _is_number(path.name) else 0, path.name)


def _not_started(folder: Path) -> Run:
    status, error = _read_status(folder)
    reason = error or "no run.json: the job ended before it began"
    return Run(folder, {}, None, (), status=status or "not started", error=reason, results=None)


def _read_status(folder: Path) -> tuple[str | None, str | None]:
    """(status, error line); (None, None) without a status.json."""
    content = _read_json(folder / "status.json") or {}
    status, error = content.get("status"), content.get("error")
    return None if status is None else str(status), None if error is None else str(error)


def _read_json(path: Path) -> dict[str, Any] | None:
    return read_json(path) if path.is_file() else None


def _read_results(path: Path) -> dict[str, Any] | None:
    results = _read_json(path)
    if results is None:
        return None
    for key in ("accuracy", "without_unlabelled", "gain"):
        score = results.get(key)
        absent = score is None and key != "accuracy"
        if not absent and not (isinstance(score, dict) and isinstance(score.get("mean"), int | float)):
            raise DataError(f"{path}: '{key}' has no number 'mean'.")
    return results


def _read_curve(path: Path) -> dict[str, Series]:
    """A job killed early has no metrics.csv, which is no error: its curve is empty."""
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8", errors="replace") as lines:
        rows = list(csv.DictReader(lines, restkey="", restval=""))
    points: dict[str, dict[int, float]] = {}
    for index, row in enumerate(rows):
        try:
            step = int(float(row.pop("step")))
            logged = {name: float(cell) for name, cell in row.items() if cell and name}
        except (KeyError, ValueError) as error:
            if index == len(rows) - 1:  # a job killed while it wrote leaves half a row
                break
            raise DataError(f"{path}: row {index + 1} lacks a number ({error}).") from error
        for name, value in logged.items():
            points.setdefault(name, {})[step] = value
    return {name: _series(values) for name, values in points.items()}


def _series(values: Mapping[int, float]) -> Series:
    steps = sorted(values)
    return Series(np.array(steps, dtype=np.int64), np.array([values[step] for step in steps]))
