"""A whole config against what its keys may be: the groups of this room, and the classes that it names."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from metassl.errors import ConfigError
from metassl.schema.arguments import of_group, of_target
from metassl.schema.faults import fault, shown, unknown
from metassl.schema.groups.run import RunKeys
from metassl.schema.hints import TARGET, Hint
from metassl.schema.plain import below, plain_values
from metassl.schema.ranges import Switch, Word
from metassl.targets import located

# keys of a node for whoever builds it
OF_BUILDER: Mapping[str, Hint] = {
    TARGET: Word, "_partial_": Switch, "_recursive_": Switch, "_convert_": Any, "_args_": list[Any],
}  # fmt: skip


def check_config(config: Any) -> None:
    """Raises ConfigError for the first key whose value can't be, or that nothing reads.

    First come the keys of the project itself, then the arguments of the classes that the config names, which
    are imported for it, and last the references that lead nowhere. Further groups at the top may be anything;
    the classes that they name are checked as well.
    """
    values, lost = plain_values(config)
    known = of_group(RunKeys)
    for line in of_keys(RunKeys, "", {name: value for name, value in values.items() if name in known}):
        raise ConfigError(line)
    for line in of_parts(values, ""):
        raise ConfigError(line)
    for key, why in lost:
        raise ConfigError(f"{key}: {why}")


def check_group(group: type[BaseModel], key: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """As `check_config`, for the keys of one group, which stands at `key`; the values as plain ones."""
    plain: dict[str, Any] = plain_values(dict(values))[0]
    for line in of_keys(group, key, plain):
        raise ConfigError(line)
    return plain


def check_parts(node: Any, key: str = "") -> None:
    """As `check_config`, for the arguments of the classes that a node at `key` names."""
    for line in of_parts(plain_values(node)[0], key):
        raise ConfigError(line)


def of_keys(group: type[BaseModel], key: str, values: Mapping[str, Any]) -> Iterator[str]:
    """A line for each key of a group that can't be."""
    declared = of_group(group)
    for name, value in values.items():
        place = below(key, name)
        hint = declared.get(name)
        if name not in declared:
            yield unknown(place, declared)
        elif isinstance(hint, type) and issubclass(hint, BaseModel):
            if isinstance(value, dict):
                yield from of_keys(hint, place, value)
            else:
                yield f"{place}: found {shown(value)}, allowed is a group of keys."
        elif (line := fault(place, value, hint)) is not None:
            yield line
    together = getattr(group, "together", None)  # what no key alone can say
    if together is not None:
        yield from together(key, values)


def of_parts(node: Any, key: str) -> Iterator[str]:
    """A line for each argument that the classes within a node can't take."""
    if isinstance(node, list):
        for index, value in enumerate(node):
            yield from of_parts(value, below(key, index))
    elif isinstance(node, dict):
        if TARGET in node:
            yield from _of_arguments(node, key)
        for name, value in node.items():
            yield from of_parts(value, below(key, name))


def _of_arguments(node: Mapping[str, Any], key: str) -> Iterator[str]:
    target = node[TARGET]
    try:
        declared = of_target(located(target))
    except Exception as error:  # whatever happens when a foreign module is imported
        why = " ".join(str(error).split())
        yield f"{below(key, TARGET) if key else target}: found {shown(target)}, can't be imported ({why})."
        return
    key = key or str(target)
    for name, value in node.items():
        place = below(key, name)
        hint = declared.hints.get(name, OF_BUILDER.get(name))
        if hint is not None:
            if (line := fault(place, value, hint)) is not None:
                yield line
        elif not declared.open:
            yield unknown(place, declared.hints)
