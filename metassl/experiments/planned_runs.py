"""The runs that a sweep consists of, and what is left of them to do."""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from metassl.errors import DataError, UserError
from metassl.files import read_json
from metassl.runs.file_names import ABOUT, STATUS
from metassl.runs.status import ended_well


@dataclass(frozen=True)
class PlannedRun:
    """One run of a sweep.

    Attributes:
        name: of its folder.
        words: Hydra overrides that make it.
    """

    name: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class PlannedTest(PlannedRun):
    """A test of what another run has trained.

    Attributes:
        weights: name of that run.
    """

    weights: str


def every_pair(
    models: Iterable[str], objectives: Iterable[str], seeds: Iterable[int], common: Sequence[str]
) -> list[PlannedRun]:
    """Every model with every objective and seed; seed by seed, so that an early stop leaves a whole map."""
    return [
        PlannedRun(f"{model}-{ssl}-{seed}", (f"model={model}", f"ssl={ssl}", f"seed={seed}", *common))
        for seed, model, ssl in product(seeds, models, objectives)
    ]


def is_done(run: PlannedRun, sweep: Path) -> bool:
    """Whether the run's results are there. Raises UserError where a run of other options is there."""
    folder = sweep / run.name
    if not (folder / ABOUT).is_file():
        return False
    said = read_json(folder / ABOUT).get("overrides")
    if not isinstance(said, list):
        raise DataError(f"{folder / ABOUT}: has no list 'overrides'.")
    found = tuple(map(str, said))
    if found != run.words:
        raise UserError(
            f"{folder}: holds a run with the options '{' '.join(found)}', wanted '{' '.join(run.words)}'. "
            "Give another out=... or remove it."
        )
    return ended_well(folder)


def prepare_folder(run: PlannedRun, sweep: Path) -> Path | None:
    """Makes the run's folder ready; returns it if there is a checkpoint to go on from, else None."""
    folder = sweep / run.name
    if (folder / "checkpoints" / "last.ckpt").is_file():
        return folder
    if (folder / STATUS).is_file():  # a run that ended before its first checkpoint
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return None
