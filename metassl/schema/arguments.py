"""What a class or a group of keys declares: the names of its keys, and the type of each."""

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple, get_type_hints

from pydantic import BaseModel

from metassl.schema.groups.optimizer import OF_TORCH
from metassl.schema.hints import Hint

VARYING = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Declared(NamedTuple):
    """The arguments of a class.

    Attributes:
        hints: name -> type.
        open: whether others may stand beside them.
    """

    hints: Mapping[str, Hint]
    open: bool = False


@cache
def of_group(group: type[BaseModel]) -> Mapping[str, Hint]:
    """The keys of one of the groups of metassl.schema.groups, and their types."""
    hints = get_type_hints(group, include_extras=True)
    return {name: hints[name] for name in group.model_fields}


@cache
def of_target(target: Callable[..., Any]) -> Declared:
    """The arguments of a constructor, or of a function. torch's are narrowed to what makes sense here.

    An argument without an annotation may be anything.
    """
    try:
        parameters = inspect.signature(target).parameters
    except (TypeError, ValueError):  # a builtin says nothing of itself
        return Declared({}, True)
    hints = _annotations(target)
    own = OF_TORCH if str(getattr(target, "__module__", "")).startswith("torch.") else {}
    names = [name for name, each in parameters.items() if each.kind not in VARYING]
    more = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values())
    return Declared({n: own.get(n, hints.get(n, Any)) for n in names}, more and not _takes_nothing(target))


def _annotations(target: Callable[..., Any]) -> dict[str, Hint]:
    """By name; those of a dataclass stand at the class."""
    found: dict[str, Hint] = {}
    for place in (target, getattr(target, "__init__", None)):
        try:
            found |= get_type_hints(place, include_extras=True)
        except (TypeError, NameError, AttributeError):  # names that only a type checker imports
            continue
    return found


def _takes_nothing(target: Callable[..., Any]) -> bool:
    """A torch module without a constructor of its own: (*args, **kwargs), of which it takes none."""
    return getattr(getattr(target, "__init__", None), "__qualname__", "") == "Module.__init__"
