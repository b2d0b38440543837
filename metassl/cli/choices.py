"""Options of config groups, and values that a command of its own takes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path
from hydra.core.config_loader import ConfigLoader
from hydra.core.object_type import ObjectType

from metassl.errors import ConfigError, one_of

SEARCHPATH = "hydra.searchpath"  # Hydra's key for further folders of configs


def options_of(group: str, conf: Path, words: Sequence[str] = ()) -> list[str]:
    """The options of a config group, by name; one in a folder is `folder/name`.

    Args:
        group: such as `model`, or Hydra's own `hydra/launcher`.
        conf: the folder of the config groups.
        words: where else to look, if there is a `hydra.searchpath=[...]` among them.
    """
    return found_options(group, loader_of(conf), words)


def loader_of(conf: Path) -> ConfigLoader:
    """Hydra's own, for it alone knows all the places where options may be."""
    return ConfigLoaderImpl(create_config_search_path(str(conf.resolve())))


def found_options(group: str, loader: ConfigLoader, words: Sequence[str] = ()) -> list[str]:
    """As `options_of`, with the loader of a folder."""
    search = [word for word in words if word.startswith(f"{SEARCHPATH}=")]
    names = loader.get_group_options(group, ObjectType.CONFIG, overrides=search)
    for folder in loader.get_group_options(group, ObjectType.GROUP, overrides=search):
        names += [f"{folder}/{name}" for name in found_options(f"{group}/{folder}", loader, words)]
    return sorted(names)


def chosen(key: str, value: Any, known: list[str]) -> list[str]:
    """One option or a list of them; all where none is given. Raises ConfigError for an unknown one."""
    names = known if value is None else [str(name) for name in several(key, value)]
    for name in names:
        if name not in known:
            raise ConfigError(one_of(key, name, known))
    return names


def listed(value: Any) -> list[Any]:
    """A value, or a list of values, as a list."""
    return list(value) if isinstance(value, list) else [value]


def several(key: str, value: Any) -> list[Any]:
    """A value, or a list of them, as a list. Raises ConfigError for an empty one."""
    found = listed(value)
    if not found:
        raise ConfigError(f"{key}: found [], allowed is one or more.")
    return found


def count(key: str, value: Any, least: int) -> int:
    """The value, if it is a whole number from `least` on."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigError(f"{key}: found {value!r}, allowed are whole numbers from {least} on.")
    return value
