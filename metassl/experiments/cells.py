"""The cells of a sweep: which runs it has, and what is left of them to do."""

import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from metassl.errors import UserError


@dataclass(frozen=True)
class Cell:
    """One run of a sweep.

    Attributes:
        name: of its folder.
        words: Hydra overrides that make it.
    """

    name: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class TestCell(Cell):
    """A test of what another cell has trained.

    Attributes:
        weights: name of that cell.
    """

    weights: str


def grid(
    models: Iterable[str], objectives: Iterable[str], seeds: Iterable[int], common: Sequence[str]
) -> list[Cell]:
    """Every model with every objective and seed; seed by seed, so that an early stop leaves a whole map."""
    return [
        Cell(f"{model}-{ssl}-{seed}", (f"model={model}", f"ssl={ssl}", f"seed={seed}", *common))
        for seed, model, ssl in product(seeds, models, objectives)
    ]


def is_done(cell: Cell, folder: Path) -> bool:
    """Whether the cell's results are there. Raises UserError where a run of other options is there."""
    place = folder / cell.name
    if not (place / "run.json").is_file():
        return False
    found = tuple(json.loads((place / "run.json").read_text(encoding="utf-8"))["overrides"])
    if found != cell.words:
        raise UserError(
            f"{place}: holds a run with the options '{' '.join(found)}', wanted '{' '.join(cell.words)}'. "
            "Give another out=... or remove it."
        )
    return (place / "results.json").is_file()


def prepare(cell: Cell, folder: Path) -> Path | None:
    """Makes the cell's folder ready; returns it if there is a checkpoint to go on from, else None."""
    place = folder / cell.name
    if (place / "checkpoints" / "last.ckpt").is_file():
        return place
    if (place / "status.json").is_file():  # a run that ended before its first checkpoint
        shutil.rmtree(place)
    place.mkdir(parents=True, exist_ok=True)
    return None
