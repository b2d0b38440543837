"""Mistakes made from the schema: for each type the words of a command line that it rules out, by kind."""

from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from metassl.schema.hints import Part, strict
from metassl.schema.hints import _limits as limits

KINDS = ("wrong type", "out of range", "null", "NaN", "huge")


def mistakes(hint: Any) -> Iterator[tuple[str, str]]:
    """(kind, word) of what a type rules out."""
    parts = _alternatives(strict(hint))
    words = str in parts or any(get_origin(part) is Literal for part in parts)
    free = str in parts
    yield "wrong type", "3.5" if free else "[[x]]" if list in parts else "banana"
    if not words:
        yield "wrong type", "'3'"
    if bool not in parts:
        yield "wrong type", "{a: true}" if dict not in parts else "true"
    if NoneType not in parts:
        yield "null", "null"
    if not free:
        yield "NaN", "nan"
        yield "huge", "1e300"
    if int in parts and not words:
        yield "huge", "9" * 40
    yield from (("out of range", word) for word in _beyond(hint))


def _beyond(hint: Any) -> Iterator[str]:
    """Numbers just outside of the bounds of a type that is one number, or null."""
    found = [part for part in _parts(strict(hint)) if part is not NoneType]
    if len(found) != 1 or not hasattr(found[0], "__metadata__"):
        return
    kind, bounds = get_args(found[0])[0], limits(found[0].__metadata__)
    if kind not in (int, float):
        return
    step = 1 if kind is int else 0.001
    for name, change in (("ge", -step), ("gt", 0), ("lt", 0), ("le", step)):
        if name in bounds:
            yield repr(kind(bounds[name] + change))


def _parts(hint: Any) -> list[Any]:
    return list(get_args(hint)) if get_origin(hint) in (Union, UnionType) else [hint]


def _alternatives(hint: Any) -> set[Any]:
    """The kinds of plain values that a type allows."""
    found: set[Any] = set()
    for part in _parts(hint):
        if part == Part:
            found.add(dict)
        elif get_origin(part) is Literal:
            found |= {part, *map(type, get_args(part))} - ({str} if True else set())
        elif hasattr(part, "__metadata__"):
            found |= _alternatives(get_args(part)[0])
        else:
            found.add(get_origin(part) or part)
    return found
