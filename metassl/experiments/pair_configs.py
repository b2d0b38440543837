"""Puts the configs of many pairs together, quickly: each option is composed once."""

import pickle
from collections.abc import Sequence
from pathlib import Path

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, open_dict


def compose_each(
    conf: Path, group: str, options: Sequence[str], words: Sequence[str]
) -> dict[str, DictConfig]:
    """The config with each option of a group. Composing is slow: pairs are put together by `pair_config`."""
    with initialize_config_dir(str(conf.resolve()), version_base="1.3"):
        return {name: compose("config", overrides=[*words, f"{group}={name}"]) for name in options}


def pair_config(model: DictConfig, ssl: DictConfig) -> DictConfig:
    """The config of a model with the SSL term of another config."""
    config = copied(model)
    with open_dict(config):
        config.ssl = ssl.ssl
    return config


def copied(config: DictConfig) -> DictConfig:
    """A copy of a config, in a tenth of the time that `config.copy()` takes."""
    found = pickle.loads(pickle.dumps(config))
    assert isinstance(found, DictConfig)
    return found
