"""Lists of names that a user gives: what a source is made of."""

from collections.abc import Iterable, Sequence

from metassl.errors import ConfigError, one_of


def several_of(key: str, names: Sequence[str], allowed: Iterable[str]) -> list[str]:
    """One or more different names out of those that are allowed.

    Raises:
        ConfigError: names `key`; there is none, one that is not allowed, or one twice.
    """
    found, known = list(names), list(allowed)
    if not found:
        raise ConfigError(f"{key}: found none, allowed are one or more of {known}.")
    for name in found:
        if name not in known:
            raise ConfigError(one_of(key, name, known))
        if found.count(name) > 1:
            raise ConfigError(f"{key}: found '{name}' twice, allowed is each once.")
    return found
