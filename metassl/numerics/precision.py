"""Full precision for what loses its meaning in 16 bits: linear systems, sums of many exponentials."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_map

P = ParamSpec("P")
R = TypeVar("R")


def full_precision(function: Callable[P, R]) -> Callable[P, R]:
    """The function without autocast, its 16-bit arguments as float32; others stay as they are."""

    @wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        first = _first_tensor(args, kwargs)
        kind = first.device.type
        # narrow and wide numbers meet within autocast alone, so without it the first one speaks for all
        if not torch.is_autocast_enabled(kind) and not _is_narrow(first):
            return function(*args, **kwargs)
        with torch.autocast(kind, enabled=False):
            args, kwargs = tree_map(_widened, (args, kwargs))
            return function(*args, **kwargs)

    return wrapped


def _first_tensor(args: tuple[object, ...], kwargs: dict[str, object]) -> Tensor:
    """Of the arguments themselves where one is a tensor: to look within them takes longer than most calls."""
    for x in args:
        if isinstance(x, Tensor):
            return x
    return next(x for x in tree_flatten((args, kwargs))[0] if isinstance(x, Tensor))


def _is_narrow(x: Tensor) -> bool:
    return x.is_floating_point() and x.dtype.itemsize < 4


def _widened(x: object) -> object:
    return x.float() if isinstance(x, Tensor) and _is_narrow(x) else x
