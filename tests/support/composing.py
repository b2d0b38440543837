"""Configs as Hydra composes them, in a tenth of its time: the choices of groups once, single keys laid over."""

import os
import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from unittest.mock import patch

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from metassl.cli import composing

CONF = Path(__file__).parent.parent.parent / "conf"


def composed(*words: str) -> DictConfig:
    """The config of these words, as `hydra.compose` gives it; later words win."""
    return _laid_over(words, _chosen)


@contextmanager
def composed_once() -> Iterator[None]:
    """Within it the command does the same, and composes the same choices in the same folder once."""
    compose = composing._compose

    @cache
    def once(_folder: str, words: tuple[str, ...]) -> bytes:
        return pickle.dumps(compose(list(words)))

    def remembered(words: list[str]) -> DictConfig:
        return _laid_over(words, lambda chosen: once(os.getcwd(), chosen))

    with patch.object(composing, "_compose", remembered):
        yield


def _laid_over(words: Sequence[str], chosen: Callable[[tuple[str, ...]], bytes]) -> DictConfig:
    """What `chosen` composes of the choices among the words, pickled, with the single keys as the others say."""
    keys = [word for word in words if _is_plain(word)]
    config = pickle.loads(chosen(tuple(word for word in words if word not in keys)))
    assert isinstance(config, DictConfig)
    for word in keys:
        override = _parsed(word)
        OmegaConf.update(config, override.key_or_group, override.value(), merge=True)
    return config


@cache
def _chosen(words: tuple[str, ...]) -> bytes:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return pickle.dumps(compose("config", overrides=list(words)))


@cache
def _groups() -> frozenset[str]:
    return frozenset(str(path.relative_to(CONF)) for path in CONF.rglob("*") if path.is_dir())


def _is_plain(word: str) -> bool:
    """Whether a word gives a single key another value: it neither chooses, adds nor takes away."""
    key = word.partition("=")[0]
    return key not in _groups() and key[0] not in "+~" and "@" not in key and not key.startswith("hydra")


@cache
def _parsed(word: str) -> Override:
    return OverridesParser.create().parse_override(word)
