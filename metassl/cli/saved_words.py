"""The words that a run was typed with, as far as another command line may take them from its folder."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf

from metassl.cli.composing import parse_words
from metassl.errors import ConfigError, DataError, UserError
from metassl.runs.definition import GROUPS, SECTIONS
from metassl.yaml_files import read_yaml

REFERENCE = re.compile(r"\$\{\.*(\w+)(\.\w+)*\}")  # to another key; with a colon it would be a resolver


def saved_words(folder: Path, typed: Sequence[str], places: Collection[str]) -> tuple[list[str], list[str]]:
    """The words that define the run's experiment, and those that are left out but for Hydra's own.

    Args:
        folder: of the run.
        typed: words of today's command line, which count in place of saved ones with the same key.
        places: names of arguments that say where files are.

    Raises:
        UserError: there are none, or one asks for more than a value of an experiment.
    """
    path = folder / ".hydra" / "overrides.yaml"
    again = {override.get_key_element() for override in parse_words(list(typed))}
    kept, left_out = [], []
    for word in _read(path):
        override = _parsed(path, word)
        key = override.key_or_group
        root, name = re.split(r"[./@]", key)[0], key.rpartition(".")[2]
        if override.get_key_element() in again or root in ("hydra", "resume"):
            continue
        if root not in GROUPS or (name in places and "." in key):
            left_out.append(word)
            continue
        _check(path, override)
        kept.append(word)
    return kept, left_out


def _read(path: Path) -> list[str]:
    if not path.is_file():
        raise UserError(f"resume={path.parent.parent}: found no {path}.")
    words = OmegaConf.to_container(read_yaml(path), resolve=False)
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise DataError(f"{path}: expected a list of words, key=value.")
    return list(map(str, words))


def _parsed(path: Path, word: str) -> Override:
    try:
        return parse_words([word])[0]
    except ConfigError as error:
        raise DataError(f"{path}: '{word[:80]}' is no key=value ({error})") from None


def _check(path: Path, override: Override) -> None:
    """Neither a sweep, nor a group in a place outside the experiment, nor a value from there."""
    word = str(override.input_line)
    outside = override.package is not None and override.package.split(".")[0] not in SECTIONS
    if outside or override.is_sweep_override():
        raise DataError(f"{path}: '{word[:80]}' is refused, allowed is one value of a key.")
    roots = {match[1] for match in REFERENCE.finditer(word)}
    if "${" in REFERENCE.sub("", word) or not roots <= set(SECTIONS):
        raise DataError(
            f"{path}: '{word[:80]}' is not looked up, for the folder may come from anywhere. "
            f"Give {override.key_or_group}=... on the command line, or start a new run."
        )
