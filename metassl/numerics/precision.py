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
        tensors = [x for x in tree_flatten((args, kwargs))[0] if isinstance(x, Tensor)]
        with torch.autocast(tensors[0].device.type, enabled=False):
            args, kwargs = tree_map(_widened, (args, kwargs))
            return function(*args, **kwargs)

    return wrapped


def _widened(x: object) -> object:
    narrow = isinstance(x, Tensor) and x.is_floating_point() and x.dtype.itemsize < 4
    return x.float() if narrow and isinstance(x, Tensor) else x
