"""Options of config groups, and values that a command of its own takes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path
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
    return Options(conf, words).of(group)


class Options:
    """Finds the options of config groups, for Hydra alone knows all the places where they may be.

    The places are looked up once, which is what takes long.

    Args:
        conf, words: as of `options_of`.
    """

    def __init__(self, conf: Path, words: Sequence[str] = ()) -> None:
        search = [word for word in words if word.startswith(f"{SEARCHPATH}=")]
        loader = ConfigLoaderImpl(create_config_search_path(str(conf.resolve())))
        _, self._places = loader._parse_overrides_and_create_caching_repo(None, search)

    def of(self, group: str) -> list[str]:
        """The options of a group; none where it is no group."""
        names = self._places.get_group_options(group, ObjectType.CONFIG)
        for folder in self._places.get_group_options(group, ObjectType.GROUP):
            names += [f"{folder}/{name}" for name in self.of(f"{group}/{folder}")]
        return sorted(names)

    def groups(self) -> list[str]:
        """The groups there are."""
        return self._places.get_group_options("", ObjectType.GROUP)


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
