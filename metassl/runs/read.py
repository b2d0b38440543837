"""Reads what training left behind: the folder of one run, or a sweep's folder of runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from metassl.errors import DataError, UserError
from metassl.files import read_json
from metassl.runs.curves import Curve, read_curves
from metassl.runs.facts import check_facts, check_score, is_number, is_text
from metassl.runs.file_names import ABOUT, CURVES, EPISODES, RESULTS, STATUS
from metassl.runs.status import read_status

EPISODES_MOST = 10_000_000  # of a test; a few bytes of a table can claim billions


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
    curves: Mapping[str, Curve] = field(default_factory=dict)
    dirty: bool = False  # whether the working tree differed from the commit

    @property
    def finished(self) -> bool:
        """Whether the run ended well and left its test results."""
        return self.status == "done" and self.results is not None

    @property
    def score(self) -> str:
        """Name of the score that decides."""
        return deciding_score(self.results or {})

    @property
    def outcome(self) -> str:
        """What its tasks ask for, by name; what was chosen, where there are no results."""
        return str(self.result("outcome") or self.choices.get("outcome") or "classification")

    @cached_property
    def typed(self) -> Mapping[str, str]:
        """{key: value} of the overrides, in Hydra's grammar: '+' and '++' add a key, '~' removes one."""
        pairs = (entry.lstrip("+").partition("=") for entry in self.overrides)
        return {key: value or "removed" for key, _, value in pairs if not key.startswith("hydra")}

    def result(self, key: str) -> Any:
        """What results.json holds under `key`; None where either is missing."""
        return None if self.results is None else self.results.get(key)


def deciding_score(results: Mapping[str, Any]) -> str:
    """Name of the score that decides; results of before there were others have accuracies."""
    return str(results.get("score", "accuracy"))


def find_runs(folder: Path) -> list[Run]:
    """The jobs of a sweep's folder, by number or by name, or the one run that the folder itself is.

    A job that ended before it wrote run.json becomes a run with no choices and its status.json's error,
    or the status "not started", so that a report can name it. Raises UserError where the folder is
    missing, holds no run, or holds a broken file.
    """
    if not folder.is_dir():
        raise UserError(f"run folder '{folder}': not found, or not a folder.")
    if (folder / ABOUT).is_file():
        return [read_run(folder)]
    jobs = sorted((path for path in folder.iterdir() if _is_job(path)), key=_by_number)
    if not any(_began(job) for job in jobs):
        raise UserError(f"run folder '{folder}': no run inside. Expected a {ABOUT}, or folders with one.")
    return [read_run(job) if (job / ABOUT).is_file() else _not_started(job) for job in jobs]


def other_folders(folder: Path) -> list[str]:
    """The names of the folders in a sweep's folder that hold no run; none where it is a run itself."""
    if (folder / ABOUT).is_file():
        return []
    names = (path.name for path in folder.iterdir() if path.is_dir() and not _is_job(path))
    return sorted(name for name in names if not name.startswith("."))


def read_run(folder: Path) -> Run:
    """One run's folder. Only run.json must be there; raises UserError where it isn't or a file is broken."""
    if not (folder / ABOUT).is_file():
        raise UserError(f"run folder '{folder}': no {ABOUT} inside.")
    about = read_json(folder / ABOUT)
    choices, seed, overrides = about.get("choices"), about.get("seed"), about.get("overrides") or []
    if not isinstance(choices, dict) or not isinstance(seed, int) or not is_number(seed):
        raise DataError(f"{folder / ABOUT}: expected an object 'choices' and a whole number 'seed'.")
    check_facts(folder / ABOUT, {"choices": choices, "overrides": overrides})
    if not isinstance(overrides, list) or not all(map(is_text, choices.values())):
        raise DataError(f"{folder / ABOUT}: expected names in 'choices' and a list 'overrides'.")
    git = about.get("git")
    results = _read_results(folder / RESULTS)
    status, error = read_status(folder)
    if status is None:  # a second test of a run, which has results and no status
        status, error = ("unknown", f"no {STATUS}") if results is None else ("done", None)
    return Run(
        folder=folder,
        choices={key: str(value) for key, value in choices.items()},
        seed=seed,
        overrides=tuple(map(str, overrides)),
        status=status,
        error=error,
        results=results,
        curves=read_curves(folder / CURVES),
        dirty=isinstance(git, dict) and bool(git.get("dirty")),
    )


def read_episodes(run: Run) -> dict[int, float] | None:
    """{episode number: score} on the test split, or None where the run stored no episodes."""
    path = run.folder / EPISODES
    if not path.is_file():
        return None
    from pyarrow.parquet import ParquetFile  # here, because only the paired comparisons need pyarrow

    try:
        with ParquetFile(path) as file:
            if file.metadata.num_rows > EPISODES_MOST:
                raise ValueError(f"{file.metadata.num_rows:,} rows, allowed are {EPISODES_MOST:,}")
            table = file.read(columns=["episode", run.score])
        pairs = list(zip(table["episode"].to_pylist(), table[run.score].to_pylist(), strict=True))
        if not all(isinstance(number, int) and is_number(value) for number, value in pairs):
            raise ValueError("other values than numbers")
        return dict(pairs)
    except (OSError, ValueError, KeyError, MemoryError) as error:  # pyarrow's own errors derive from these
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path}: not a table with 'episode' and '{run.score}' ({reason}).") from error


def _is_job(path: Path) -> bool:
    """A numbered folder of a sweep, started or not, or a named one that was started."""
    return path.is_dir() and (_is_number(path.name) or _began(path))


def _began(job: Path) -> bool:
    return any((job / name).is_file() for name in (ABOUT, STATUS))


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit()


def _by_number(path: Path) -> tuple[int, str]:
    return (int(path.name) if _is_number(path.name) else 0, path.name)


def _not_started(folder: Path) -> Run:
    status, error = read_status(folder)
    reason = error or f"no {ABOUT}: the job ended before it began"
    return Run(folder, {}, None, (), status=status or "not started", error=reason, results=None)


def _read_results(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    results = read_json(path)
    if (
        "without_unlabelled" in results
    ):  # of before there were twins: the gain was over a learner deprived of U
        results["deprived"], results["gain"] = results.pop("without_unlabelled"), None
    check_facts(path, results)
    decides = deciding_score(results)
    for key in (decides, "twin", "gain", "validation", "deprived", "untrained"):
        if results.get(key) is not None or key == decides:
            check_score(path, key, results.get(key))
    unbalanced = results.get("unbalanced")
    if unbalanced is not None:
        if not isinstance(unbalanced, dict) or not is_number(unbalanced.get("imbalance")):
            raise DataError(f"{path}: 'unbalanced' has no number 'imbalance'.")
        for key in {decides, "gain"} & {key for key, value in unbalanced.items() if value is not None}:
            check_score(path, f"unbalanced.{key}", unbalanced[key])
    return results
