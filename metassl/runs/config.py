"""Reads the config that a run left in its folder."""

from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from metassl.errors import UserError

NEEDED = ("dataset", "episode", "backbone", "engine", "model", "ssl", "trainer", "evaluation", "paths")


def load_config(path: Path) -> DictConfig:
    """A run's config, complete and without references. Raises UserError for a damaged file."""
    try:
        config = OmegaConf.load(path)
        OmegaConf.resolve(config)
    except (YAMLError, OmegaConfBaseException, OSError) as error:
        raise UserError(f"{path}: can't be read ({str(error).splitlines()[0]}).") from None
    missing = [key for key in NEEDED if not isinstance(config, DictConfig) or key not in config]
    if missing or not isinstance(config, DictConfig):
        raise UserError(f"{path}: found no '{missing[0]}' in it.")
    return config
