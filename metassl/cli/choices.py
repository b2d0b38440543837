"""Options of config groups on the command lines of the scripts."""

from pathlib import Path
from typing import Any

from metassl.errors import ConfigError, one_of


def options_of(group: str, conf: Path) -> list[str]:
    """The option files of a config group, by name; one in a folder is `folder/name`."""
    paths = (conf / group).rglob("*.yaml")
    return sorted(path.relative_to(conf / group).with_suffix("").as_posix() for path in paths)


def chosen(key: str, value: Any, known: list[str]) -> list[str]:
    """One option or a list of them; all where none is given. Raises ConfigError for an unknown one."""
    names = known if value is None else [str(name) for name in listed(value)]
    for name in names:
        if name not in known:
            raise ConfigError(one_of(key, name, known))
    return names


def listed(value: Any) -> list[Any]:
    """A value, or a list of values, as a list."""
    return list(value) if isinstance(value, list) else [value]


def count(key: str, value: Any, least: int) -> int:
    """The value, if it is a whole number from `least` on."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigError(f"{key}: found {value!r}, allowed are whole numbers from {least} on.")
    return value
