"""Checks what a command line has composed, every value of a sweep included."""

from collections.abc import Iterator, Sequence

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf, open_dict

from metassl.cli.composing import parse_words
from metassl.cli.override_checks import values_of
from metassl.quick_imports import quick_imports
from metassl.schema.check import check_config


def check_words(config: DictConfig, words: Sequence[str], sweep: bool = False) -> None:
    """Raises ConfigError for the first key whose value can't be.

    Args:
        config: that the words have given; of what is swept it has the first value.
        words: of the command line.
        sweep: whether a word may have several values.
    """
    with quick_imports():  # of the classes that the config names
        check_config(config)
        for other in _others(config, words) if sweep else ():
            check_config(other)


def _others(config: DictConfig, words: Sequence[str]) -> Iterator[DictConfig]:
    """The config with each of the other values of a key that is swept; options of groups have no values."""
    for override in parse_words(list(words)):
        key = override.key_or_group
        if override.is_sweep_override() and not _of_group(override, config):
            for value in values_of(override, [])[1:]:
                changed = config.copy()
                with open_dict(changed):
                    OmegaConf.update(changed, key, value, force_add=True)
                yield changed


def _of_group(override: Override, config: DictConfig) -> bool:
    key = override.key_or_group
    return "/" in key or "@" in key or key in config.hydra.runtime.choices or override.is_hydra_override()
