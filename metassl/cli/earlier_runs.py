"""A folder that a run or a sweep has been in before: nothing in it is lost or mixed with another."""

import os
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from metassl.cli.resume import CHECKPOINT, comparable
from metassl.errors import ConfigError, DataError, UserError
from metassl.files import read_json
from metassl.runs.config import load_config
from metassl.runs.definition import known_places, place_names
from metassl.runs.file_names import ABOUT, CONFIG, RESULTS
from metassl.runs.read import read_run
from metassl.runs.status import ended_well
from metassl.yaml_files import read_yaml

SWEEP = "multirun.yaml"  # where Hydra keeps what was typed for a sweep


def refuse_other_run(folder: Path) -> None:
    """Raises ConfigError where a run would write over another one's results or checkpoint."""
    if os.environ.get("LOCAL_RANK", "0") == "0" and any(
        (folder / name).is_file() for name in (RESULTS, CHECKPOINT)
    ):
        raise ConfigError(
            f"hydra.run.dir: '{folder}' holds a run already. Go on with it by resume={folder}, or give "
            "another folder."
        )


def refuse_other_sweep(folder: Path, words: Sequence[str]) -> None:
    """Raises ConfigError where a sweep of other words has been; the same sweep goes on."""
    if not (folder / SWEEP).is_file():
        return
    found = _typed(folder / SWEEP)
    if found != sorted(word for word in words if not word.startswith("hydra.")):
        raise ConfigError(
            f"hydra.sweep.dir: '{folder}' holds a sweep of other words: {' '.join(found)}. Give another "
            "folder."
        )


def earlier_job(config: DictConfig, folder: Path, overrides: Sequence[str]) -> float | None:
    """The best validation score of this job of a sweep, if it was done before.

    Else None; where a checkpoint of it is left, the config says from then on that the job goes on with it.
    """
    if not (folder / ABOUT).is_file() or read_json(folder / ABOUT).get("overrides") != list(overrides):
        return None
    if ended_well(folder):
        validation = read_run(folder).result("validation")
        if validation is None:
            raise DataError(f"{folder / RESULTS}: has no 'validation'. Give another hydra.sweep.dir.")
        return float(validation["mean"])
    config.resume = str(folder) if (folder / CHECKPOINT).is_file() and _same(folder, config) else None
    return None


def _same(folder: Path, config: DictConfig) -> bool:
    """Whether the job that was in a folder had this config."""
    places = place_names(known_places())
    return comparable(load_config(folder / CONFIG), places) == comparable(config, places)


def _typed(path: Path) -> list[str]:
    """The words of a sweep, without Hydra's own."""
    try:
        return sorted(map(str, read_yaml(path).hydra.overrides.task))
    except (UserError, OmegaConfBaseException, AttributeError, TypeError):
        raise ConfigError(f"hydra.sweep.dir: {path} can't be read. Give another folder.") from None
