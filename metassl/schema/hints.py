"""One value against one type hint: does it fit, and if not, what would."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, Union, get_args, get_origin

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from metassl.schema.ranges import LARGEST, Number, Said, Switch, Word

Hint: TypeAlias = Any
"""A type, as an annotation has it."""

TARGET = "_target_"


def _with_target(node: dict[Any, Any]) -> dict[Any, Any]:
    if not isinstance(node.get(TARGET), str):
        raise ValueError("no _target_")
    return node


Part = Annotated[dict[Any, Any], AfterValidator(_with_target), Said(f"a group of keys with {TARGET}")]
"""A node of which an object is made."""

_EXACT: Mapping[Any, Hint] = {
    bool: Switch,
    int: Annotated[int, Field(strict=True)],
    float: Annotated[float, Field(strict=True, allow_inf_nan=False)],
    str: Word,
}
_PLAIN: Mapping[Any, Hint] = {
    **_EXACT,
    float: Number,
    Path: Annotated[Word, Said("a path")],
    None: None,
    NoneType: None,
    Any: Any,
    object: Any,
}


@cache
def strict(hint: Hint) -> Hint:
    """The same hint for what a config holds: plain values of exactly these kinds, and nodes for objects."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        kind = _EXACT.get(inner[0]) or strict(inner[0])  # with the bounds of its own alone
        return Annotated[(kind, *hint.__metadata__)]
    if origin is Literal:
        return hint
    if origin in (Union, UnionType):
        return Union[tuple(strict(each) for each in inner)]  # noqa: UP007 (the parts are known when it runs)
    if origin is tuple and inner and inner[-1] is not Ellipsis:
        return tuple[tuple(strict(each) for each in inner)]  # type: ignore[misc]
    if origin in (tuple, list, Sequence, Iterable):
        return list[strict(inner[0])]  # type: ignore[misc]
    if origin in (dict, Mapping):
        return dict[strict(inner[0]), strict(inner[1])]  # type: ignore[misc]
    if isinstance(hint, TypeVar | str):
        return Any
    return Part if isinstance(hint, type) or origin is Callable or origin is not None else Any


def fits(value: Any, hint: Hint) -> bool:
    """Whether a plain value is one of this type."""
    try:
        _adapter(hint).validate_python(value)
    except (ValidationError, RecursionError):
        return False
    return True


def allowed(hint: Hint, value: Any = None) -> str:
    """In words what a type allows, the largest number only where `value` is beyond it."""
    return _said(strict(hint), isinstance(value, int | float) and abs(value) > LARGEST)


def choices(hint: Hint) -> list[str]:
    """The words among which a type lets choose; [] where it allows anything else but null, too."""
    if get_origin(hint) in (Union, UnionType):
        parts = [each for each in get_args(hint) if each is not NoneType]
        return choices(parts[0]) if len(parts) == 1 else []
    found = get_args(hint) if get_origin(hint) is Literal else ()
    return [each for each in found if isinstance(each, str)] if found else []


def of_each(hint: Hint) -> Hint | None:
    """The type of each value of a group of keys; None where a type is none of such a group."""
    inner = get_args(hint)
    return inner[1] if get_origin(hint) in (dict, Mapping) else None


@cache
def _adapter(hint: Hint) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(strict(hint))
    except PydanticUserError:  # a foreign annotation that pydantic has no idea of
        return TypeAdapter(Any)


def _said(hint: Hint, huge: bool) -> str:
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        own = [each for each in hint.__metadata__ if isinstance(each, Said)]
        return own[-1].text if own else _bounded(inner[0], _limits(hint.__metadata__), huge)
    if origin is Literal:
        return either(map(str, inner))
    if origin in (Union, UnionType):
        some = [_said(each, huge) for each in inner if each is not NoneType]
        return either([*some, *(["null"] if NoneType in inner else [])])
    if origin is tuple:
        return f"a list [{', '.join(_said(each, huge) for each in inner)}]"
    if origin is list:
        return f"a list, each {_said(inner[0], huge)}"
    return "a group of keys" if dict in (hint, origin) else "another kind of value"


def either(parts: Iterable[str]) -> str:
    """a, b or c."""
    *first, last = dict.fromkeys(parts)
    return f"{', '.join(first)} or {last}" if first else last


def _bounded(kind: Hint, limits: Mapping[str, float], huge: bool) -> str:
    """A plain kind with its bounds; those that are there against absurd numbers only where one is huge."""
    if kind is bool:
        return either(("true", "false"))
    if kind is str:
        return "text"
    if kind not in (int, float):
        return _said(kind, huge) + (", and not empty" if "min_length" in limits else "")
    shown = {name: n for name, n in limits.items() if huge or abs(n) != LARGEST}
    name = "a whole number" if kind is int else "a number"
    if "ge" in shown and "le" in shown:
        return f"{name} from {shown['ge']:.10g} to {shown['le']:.10g}"
    words = {"ge": "of at least", "gt": "above", "lt": "below", "le": "of at most"}
    said = [f"{word} {shown[bound]:.10g}" for bound, word in words.items() if bound in shown]
    return " ".join([name, *([" and ".join(said)] if said else [])])


def _limits(metadata: Iterable[Any]) -> dict[str, float]:
    """Bound -> number, from pydantic's Field and from annotated_types alike."""
    found: dict[str, float] = {}
    for each in metadata:
        for part in getattr(each, "metadata", None) or [each]:
            for name in ("gt", "ge", "lt", "le", "min_length"):
                if getattr(part, name, None) is not None:
                    found[name] = getattr(part, name)
    return found
