"""Every head, small, and rows of features to fit it to.

Legend: N way, n labelled rows, D features.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from metassl.heads.base import Head
from metassl.heads.cosine_attention import CosineAttention
from metassl.heads.in_context import InContext
from metassl.heads.propagation import Propagation
from metassl.heads.relation import Relation, RelationSoftmax
from metassl.heads.ridge import Ridge
from metassl.heads.svm import SVM
from tests.support.contexts import WAY, D
from tests.support.numbers import random

HEADS: dict[str, Callable[[], Head]] = {
    "matching": lambda: CosineAttention(3.0),
    "relation": lambda: Relation(8),
    "relation_softmax": lambda: RelationSoftmax(8),
    "tpn": lambda: Propagation(4, 0.9, 1.0, 5),
    "r2d2": lambda: Ridge(0.5, 2.0, 0.1),
    "metaoptnet": lambda: SVM(0.3, 2.0, 20),
    "in_context": lambda: InContext(width=8, heads=2, blocks=1, loops=2, hidden=8),
}
INDUCTIVE = [name for name in HEADS if name != "tpn"]


def built(make: Callable[[], Head], dim: int = D, way: int = WAY) -> Any:
    """A head in float64, its networks built for features of that size and that many classes."""
    torch.manual_seed(0)
    head = make()
    head.bind(dim, way)
    return head.double()


def make_head(name: str) -> Head:
    """One of them in float64, its networks built for D features and N classes."""
    return built(HEADS[name])


def soft_rows(n: int = 9) -> tuple[Tensor, Tensor, Tensor]:
    """Features [n, D], soft labels [n, N], weights [n] in 0.2..1."""
    z, q = random(n, D), random(n, WAY, seed=1).softmax(-1)
    return z, q, torch.linspace(0.2, 1, n, dtype=torch.float64)


def hard_rows(n: int = 9) -> tuple[Tensor, Tensor, Tensor]:
    """Features [n, D], one-hot labels [n, N], weights 1."""
    q = torch.eye(WAY).double()[torch.arange(n) % WAY]
    return random(n, D), q, torch.ones(n).double()
