"""Every key of a config with the type that is declared of it, as metassl.schema.check walks them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from hydra.utils import get_object
from pydantic import BaseModel

from metassl.schema.arguments import of_group, of_target
from metassl.schema.check import OF_BUILDER
from metassl.schema.groups.run import RunKeys
from metassl.schema.hints import TARGET


class Declared(NamedTuple):
    """A key.

    Attributes:
        key: dotted.
        hint: its type; None where none is declared.
        owner: the class or group that declares it, and its name there.
    """

    key: str
    hint: Any
    owner: tuple[str, str]


def declared(values: dict[str, Any]) -> Iterator[Declared]:
    """Of a whole config as plain values."""
    yield from _of_group(RunKeys, values, "")
    yield from _of_parts(values, "")


def _of_group(group: type[BaseModel], values: dict[str, Any], above: str) -> Iterator[Declared]:
    hints = of_group(group)
    for name, value in values.items():
        hint = hints.get(name)
        if isinstance(hint, type) and issubclass(hint, BaseModel):
            yield from _of_group(hint, value, f"{above}{name}.")
        else:
            yield Declared(f"{above}{name}", hint, (group.__name__, name))


def _of_parts(node: Any, above: str) -> Iterator[Declared]:
    if not isinstance(node, dict):
        return
    if TARGET in node:
        hints = of_target(get_object(node[TARGET])).hints
        for name in (name for name in node if name not in OF_BUILDER):
            yield Declared(f"{above}{name}", hints.get(name), (node[TARGET], name))
    for name, value in node.items():
        yield from _of_parts(value, f"{above}{name}.")
