"""Folders of configs of the user's own, beside those of the package."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path

from hydra.core.override_parser.types import Quote, QuotedString
from omegaconf import OmegaConf

from metassl.cli.choices import SEARCHPATH
from metassl.cli.composing import parse_words
from metassl.cli.flags import config_dir_parser, read_flags
from metassl.errors import ConfigError
from metassl.shipped import conf_folder
from metassl.targets import targets_in
from metassl.yaml_files import read_yaml

FILE = "file://"


def words_of(arguments: list[str]) -> list[str]:
    """The words of a command line whose only flag is `--config-dir`, which becomes a word as well."""
    flags, words = read_flags(arguments, config_dir_parser())
    return [*search_word(flags.config_dir, words), *(w for w in words if not w.startswith(f"{SEARCHPATH}="))]


def search_word(folder: str | None, words: Sequence[str]) -> list[str]:
    """`hydra.searchpath=[...]` as it is among the words, with the folder in front; none without either.

    Raises ConfigError where there is no such folder.
    """
    if folder is None:
        return [word for word in words if word.startswith(f"{SEARCHPATH}=")]
    if not Path(folder).is_dir():
        raise ConfigError(f"--config-dir: found no folder '{folder}'.")
    paths = [f"{FILE}{Path(folder).resolve()}", *searched(words)]
    return [f"{SEARCHPATH}=[{','.join(QuotedString(path, Quote.single).with_quotes() for path in paths)}]"]


def own_targets(search: Sequence[str]) -> set[str]:
    """What configs of the user's own build, and a config that came with a checkpoint may so build, too.

    Own configs lie in folders that the user has named on this command line, below the name of a config group:
    a run's folder that lies in one of them as well speaks for nothing.

    Args:
        search: as `search_word` has it.
    """
    groups = [path.name for path in conf_folder().iterdir() if path.is_dir()]
    each = product(own_folders(search), groups)
    places = (path for folder, group in each for path in (folder / group).rglob("*.yaml"))
    return {target for path in places for target in _targets(path)}


def own_folders(search: Sequence[str]) -> list[Path]:
    """The folders among the places that `search_word` gives."""
    return [Path(place.removeprefix(FILE)) for place in searched(search) if place.startswith(FILE)]


def searched(words: Sequence[str]) -> list[str]:
    """The places that the first `hydra.searchpath=[...]` among the words names."""
    for word in words:
        if word.startswith(f"{SEARCHPATH}="):
            value = parse_words([word])[0].value()
            return [str(place) for place in value] if isinstance(value, list) else []
    return []


def _targets(path: Path) -> list[str]:
    return list(targets_in(OmegaConf.to_container(read_yaml(path), resolve=False)))
