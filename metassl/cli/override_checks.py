"""Checks the overrides of a command line where Hydra would let a slip pass, or not say what is allowed."""

from collections.abc import Collection
from typing import Any

from hydra.core.override_parser.types import Glob, IntervalSweep, Override, QuotedString, Transformer
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from metassl.errors import ConfigError, one_of


def check_choice(override: Override, options: list[str]) -> None:
    """Every option of a group that an override names must be there."""
    for value in values_of(override, options):
        if str(value) not in options:
            raise ConfigError(one_of(override.key_or_group, "null" if value is None else value, options))


def check_key(override: Override, config: DictConfig, groups: Collection[str] = ()) -> None:
    """The key must be there already, unless the user says + on purpose.

    What ~ takes away must be an argument that its class has a default of. Hydra checks its own keys, and
    metassl.schema what a value may be.

    Args:
        override: a `key=value`.
        config: what it changes.
        groups: what else the key could have been meant to be.
    """
    key = override.key_or_group
    if override.is_add() or override.is_force_add() or override.is_hydra_override():
        return
    if override.is_delete():
        _check_deleted(key, config)
        return
    _check_there(key, config, groups)


def check_values(override: Override) -> None:
    """A key that is swept must have values."""
    if not (
        override.is_add() or override.is_force_add() or override.is_hydra_override() or override.is_delete()
    ):
        values_of(override, [])


def values_of(override: Override, options: list[str]) -> list[Any]:
    """The value of an override, or all values of one that is swept; of an interval its start.

    Args:
        override: any.
        options: of its group, among which a glob chooses.
    """
    value: Any = override.value()
    if not override.is_sweep_override():
        return [value]
    if isinstance(value, IntervalSweep):
        return [value.start]
    try:
        found = value.filter(options) if isinstance(value, Glob) else list(override.sweep_iterator())
    except (HydraException, ValueError) as error:  # a range in steps of 0
        raise ConfigError(f"{override.input_line}: {error}") from None
    if not found:
        raise ConfigError(
            one_of(override.key_or_group, override.get_value_string(), options or ["one value or more"])
        )
    return [each.text if isinstance(each, QuotedString) else each for each in found]


def first_of(override: Override, options: list[str]) -> str:
    """The override with the first of its swept values."""
    value = values_of(override, options)[0]
    return f"{override.get_key_element()}={Transformer.str(value)}"


def _check_there(key: str, config: DictConfig, groups: Collection[str]) -> None:
    """Of what lies below a value that has no keys, Hydra is the judge."""
    node: Any = config
    walked: list[str] = []
    for part in key.split("."):
        if not isinstance(node, DictConfig):
            return
        known = set(map(str, node))  # `part in node` is blind to what has no value yet
        if part not in known:
            names = known if walked else {*known, *groups} - {"hydra"}
            allowed = [".".join((*walked, name)) for name in names]
            raise ConfigError(one_of(f"key {key}" if walked else "key", key, allowed))
        walked.append(part)
        node = None if OmegaConf.is_missing(node, part) else node._get_node(part)


def _check_deleted(key: str, config: DictConfig) -> None:
    """Only an argument of a class (one beside `_target_`) may have a default that the class itself knows."""
    above, _, name = key.rpartition(".")
    parent = OmegaConf.select(config, above) if above else config
    names = list(parent.keys()) if isinstance(parent, DictConfig) else []
    if name in names and "_target_" not in names:
        raise ConfigError(f"~{key}: a run needs this key. Give it another value: {key}=...")
