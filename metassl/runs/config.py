"""Reads the config that a run left in its folder."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from metassl.errors import DataError
from metassl.yaml_files import read_yaml

NEEDED = ("dataset", "episode", "backbone", "engine", "model", "ssl", "trainer", "evaluation", "paths")


def load_config(path: Path) -> DictConfig:
    """A run's config, complete. Raises DataError for a damaged file, and for one with references.

    A run leaves none, and one in a file that came from somebody else could read this machine's environment.
    """
    config = read_yaml(path)
    missing = [key for key in NEEDED if not isinstance(config, DictConfig) or key not in config]
    if missing or not isinstance(config, DictConfig):
        raise DataError(f"{path}: found no '{missing[0]}' in it.")
    for value in _texts(OmegaConf.to_container(config, resolve=False)):
        if "${" in value:
            raise DataError(
                f"{path}: found the reference '{value[:80]}', which is not followed. Allowed are values."
            )
    flat = [key for key in NEEDED if not isinstance(config[key], DictConfig)]
    if flat:
        raise DataError(f"{path}: expected keys and values below '{flat[0]}'.")
    return config


def _texts(node: Any) -> Iterator[str]:
    """Every key and value that is text."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from _texts(key)
            yield from _texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value)
