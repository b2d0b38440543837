"""Reads what training left behind: the folder of one run, or a sweep's folder of runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from metassl.errors import DataError, UserError
from metassl.files import read_json
from metassl.runs.curves import Curve, read_curves
from metassl.runs.file_names import ABOUT, CURVES, EPISODES, RESULTS, STATUS
from metassl.runs.status import read_status


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


def read_run(folder: Path) -> Run:
    """One run's folder. Only run.json must be there; raises UserError where it isn't or a file is broken."""
    if not (folder / ABOUT).is_file():
        raise UserError(f"run folder '{folder}': no {ABOUT} inside.")
    about = read_json(folder / ABOUT)
    choices, seed = about.get("choices"), about.get("seed")
    if not isinstance(choices, dict) or not isinstance(seed, int):
        raise DataError(f"{folder / ABOUT}: expected an object 'choices' and a whole number 'seed'.")
    results = _read_results(folder / RESULTS)
    status, error = read_status(folder)
    if status is None:  # a second test of a run, which has results and no status
        status, error = ("unknown", f"no {STATUS}") if results is None else ("done", None)
    return Run(
        folder=folder,
        choices={key: str(value) for key, value in choices.items()},
        seed=seed,
        overrides=tuple(str(entry) for entry in about.get("overrides") or ()),
        status=status,
        error=error,
        results=results,
        curves=read_curves(folder / CURVES),
        dirty=bool((about.get("git") or {}).get("dirty")),
    )


def read_episodes(run: Run) -> dict[int, float] | None:
    """{episode number: score} on the test split, or None where the run stored no episodes."""
    path = run.folder / EPISODES
    if not path.is_file():
        return None
    from pyarrow.parquet import read_table  # here, because only the paired comparisons need pyarrow

    try:
        table = read_table(path, columns=["episode", run.score])
        return dict(zip(table["episode"].to_pylist(), table[run.score].to_pylist(), strict=True))
    except (OSError, ValueError, KeyError) as error:  # pyarrow's own errors derive from these
        reason = str(error).splitlines()[0]
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
    decides = deciding_score(results)
    for key in (decides, "twin", "gain", "validation"):
        score = results.get(key)
        absent = score is None and key != decides
        if not absent and not (isinstance(score, dict) and isinstance(score.get("mean"), int | float)):
            raise DataError(f"{path}: '{key}' has no number 'mean'.")
    return results
