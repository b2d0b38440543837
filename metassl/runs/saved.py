"""The experiment of a finished run, of a folder that may come from anywhere."""

from collections.abc import Collection, Iterable
from pathlib import Path

from omegaconf import DictConfig

from metassl.runs.config import load_config
from metassl.runs.definition import defining, known_places, todays_paths, with_todays_places
from metassl.runs.file_names import CONFIG
from metassl.targets import refuse_foreign_targets


def saved_experiment(folder: Path, vouched: Collection[str] = (), own: Iterable[Path] = ()) -> DictConfig:
    """What of a run's config defines its experiment, with today's places.

    Args:
        folder: of the run.
        vouched: what the config may build besides this package's and torch's classes.
        own: folders of config groups of the user's own.

    Raises:
        DataError: no config, or a damaged one.
        ConfigError: it names classes that it may not build.
    """
    config = defining(load_config(folder / CONFIG))
    refuse_foreign_targets(config, vouched)
    config = with_todays_places(config, known_places(own))
    config.paths, config.logger, config.resume = todays_paths(folder), {"extra": None}, None
    return config
