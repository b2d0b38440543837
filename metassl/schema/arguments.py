"""What a class or a group of keys declares: the names of its keys, and the type of each."""

import inspect
import sys
from collections.abc import Callable, Mapping
from functools import cache
from types import SimpleNamespace
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
    own = OF_TORCH if str(getattr(target, "__module__", "")).startswith("torch.") else {}
    names = {name: each.annotation for name, each in parameters.items() if each.kind not in VARYING}
    more = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values())
    known = _names_at(target)
    hints = {name: own[name] if name in own else _meant(hint, known) for name, hint in names.items()}
    return Declared(hints, more and not _takes_nothing(target))


def _meant(annotation: Any, known: dict[str, Any]) -> Hint:
    """The type that an annotation is; Any for none, and for names that only a type checker imports."""
    if annotation is inspect.Parameter.empty:
        return Any
    try:
        holder = SimpleNamespace(__annotations__={"it": annotation})
        return get_type_hints(holder, known, include_extras=True)["it"]
    except (NameError, AttributeError, TypeError):
        return Any


def _names_at(target: Callable[..., Any]) -> dict[str, Any]:
    """What the annotations of a constructor, or of a function, can name."""
    init = inspect.unwrap(getattr(target, "__init__", target) if isinstance(target, type) else target)
    found = getattr(init, "__globals__", {})
    return {**vars(sys.modules.get(getattr(target, "__module__", ""), object)), **found}


def _takes_nothing(target: Callable[..., Any]) -> bool:
    """A torch module without a constructor of its own: (*args, **kwargs), of which it takes none."""
    return getattr(getattr(target, "__init__", None), "__qualname__", "") == "Module.__init__"
