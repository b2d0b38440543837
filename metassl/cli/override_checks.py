"""Checks the overrides of a command line against the config that they change."""

from typing import Any

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, ListConfig, OmegaConf

from metassl.errors import ConfigError, one_of


def check_key(override: Override, config: DictConfig, groups: set[str]) -> None:
    """The key must be there already, unless the user says + on purpose; the kind of value must fit.

    What ~ takes away must be an argument that its class has a default of.
    """
    key = override.key_or_group
    if override.is_add() or key.split(".")[0] == "hydra":
        return
    if override.is_delete():
        _check_deleted(key, config)
        return
    node: Any = config
    walked: list[str] = []
    for part in key.split("."):
        known = list(node.keys()) if isinstance(node, DictConfig) else []
        if part not in known:
            names = [*known, *groups] if not walked else known
            where = ".".join(walked)
            shown = sorted(".".join((*walked, str(n))) for n in names if n != "hydra")
            raise ConfigError(one_of(f"key {key}" if where else "key", key, shown))
        walked.append(part)
        if isinstance(node, DictConfig):
            node = None if OmegaConf.is_missing(node, part) else node._get_node(part)
            node = (
                node._value() if node is not None and not isinstance(node, DictConfig | ListConfig) else node
            )
    for value in override_values(override):
        _check_kind(key, value, node)


def override_values(override: Override) -> list[Any]:
    """The value of an override, or all values of one that is swept."""
    if override.is_sweep_override():
        return list(override.sweep_string_iterator())
    return [override.value()]


def _check_deleted(key: str, config: DictConfig) -> None:
    """Only an argument of a class (one beside `_target_`) may have a default that the class itself knows."""
    above, _, name = key.rpartition(".")
    parent = OmegaConf.select(config, above) if above else config
    names = list(parent.keys()) if isinstance(parent, DictConfig) else []
    if name in names and "_target_" not in names:
        raise ConfigError(f"~{key}: a run needs this key. Give it another value: {key}=...")


def _check_kind(key: str, value: Any, default: Any) -> None:
    """A word where a number or true/false stands can only be a slip."""
    if isinstance(value, str) and not value.startswith("$"):
        if isinstance(default, bool) and value.lower() not in ("true", "false"):
            raise ConfigError(f"{key}: found '{value}', allowed is true or false.")
        if isinstance(default, int | float) and not isinstance(default, bool) and not _is_number(value):
            raise ConfigError(f"{key}: found '{value}', allowed is a number.")
    whole = isinstance(default, int) and not isinstance(default, bool)
    if whole and (isinstance(value, float) or value is None):
        raise ConfigError(f"{key}: found {value}, allowed is a whole number.")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text.startswith("[")
    return True
