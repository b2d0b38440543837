"""Tells the words that a command has for itself from those that it passes on to its runs."""

from collections.abc import Collection, Mapping
from typing import Any

from metassl.cli.composing import parse_words
from metassl.cli.own_configs import words_of
from metassl.errors import ConfigError


def separate(
    arguments: list[str], own: Collection[str], refused: Mapping[str, str] | None = None
) -> tuple[dict[str, Any], list[str]]:
    """The values of the command's own keys, and the other words as they are, `--config-dir` among them.

    Args:
        arguments: of the command line.
        own: the command's keys.
        refused: key -> what is allowed in its place; such a key raises ConfigError.
    """
    values: dict[str, Any] = {}
    others = []
    for override in parse_words(words_of(arguments)):
        key = override.get_key_element()  # with its package: ssl@ssl.wrapped=... is a run's, and no ssl=...
        if key in own:
            values[key] = override.value()
        elif key in (refused or {}):
            raise ConfigError(f"{key}: {(refused or {})[key]}")
        else:
            others.append(str(override.input_line))
    return values, others
