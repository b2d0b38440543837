"""The same types for objects that are made without a config."""

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from metassl.errors import ConfigError
from metassl.schema.arguments import of_target
from metassl.schema.faults import fault

P = ParamSpec("P")
R = TypeVar("R")


def checked(key: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Has a constructor refuse what its own annotations rule out, in the line that a config gets.

    Args:
        key: where such an object stands in a config, such as "ssl.objective".
    """

    def decorate(init: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(init)

        @wraps(init)
        def checking(*args: P.args, **kwargs: P.kwargs) -> R:
            check_values(init, key, signature.bind(*args, **kwargs).arguments)
            return init(*args, **kwargs)

        return checking

    return decorate


def check_values(declaring: Callable[..., Any], key: str, values: Mapping[str, Any]) -> None:
    """Raises ConfigError for the first plain value that an annotation rules out; objects pass."""
    for name, hint in of_target(declaring).hints.items():
        value = values.get(name)
        if name in values and isinstance(value, bool | int | float | str):
            line = fault(f"{key}.{name}", value, hint)
            if line is not None:
                raise ConfigError(line)
