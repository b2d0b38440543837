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

_PLAIN: Mapping[Any, Hint] = {
    bool: Switch,
    int: Annotated[int, Field(strict=True)],
    float: Number,
    str: Word,
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
        return Annotated[(strict(inner[0]), *hint.__metadata__)]
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
        return " or ".join(str(each) for each in inner) if len(inner) < 3 else f"one of {_listed(inner)}"
    if origin in (Union, UnionType):
        parts = dict.fromkeys(_said(each, huge) for each in inner if each is not NoneType)
        return " or ".join([*parts, *(["null"] if NoneType in inner else [])])
    if origin is tuple:
        return "a list of " + ", ".join(_said(each, huge) for each in inner)
    if origin is list:
        return f"a list, each {_said(inner[0], huge)}"
    if origin is dict:
        return f"a group of keys, each {_said(inner[1], huge)}"
    return {None: "null", NoneType: "null", dict: "a group of keys", list: "a list"}.get(
        hint, "something else"
    )


def _bounded(kind: Hint, limits: Mapping[str, float], huge: bool) -> str:
    if kind is bool:
        return "true or false"
    if kind is str:
        return "text"
    if kind not in (int, float):
        return ("a list that isn't empty, " if "min_length" in limits else "") + _said(kind, huge)
    name = "a whole number" if kind is int else "a number"
    low, above = limits.get("ge"), limits.get("gt")
    high, below = limits.get("le"), limits.get("lt")
    if high is not None and high >= LARGEST and not huge and high in (LARGEST, int(LARGEST)):
        high = None
    if low == -LARGEST and not huge:
        low = None
    if low is not None and high is not None:
        return f"{name} from {low:g} to {high if kind is int else format(high, 'g')}"
    said = [f"of at least {low:g}"] if low is not None else []
    said += [f"above {above:g}"] if above is not None else []
    said += [f"below {below:g}"] if below is not None else []
    said += [f"at most {high:g}"] if high is not None else []
    return " ".join([name, " and ".join(said)]).rstrip()


def _limits(metadata: Iterable[Any]) -> dict[str, float]:
    """Bound -> number, from pydantic's Field and from annotated_types alike."""
    found: dict[str, float] = {}
    for each in metadata:
        for part in getattr(each, "metadata", None) or [each]:
            for name in ("gt", "ge", "lt", "le", "min_length"):
                if getattr(part, name, None) is not None:
                    found[name] = getattr(part, name)
    return found


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(str(value) for value in values)
