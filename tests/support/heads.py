"""Every head, small, and rows of features to fit it to.

Legend: N way, n labelled rows, D features.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from metassl.heads.base import Head
from metassl.heads.cosine_attention import CosineAttention
from metassl.heads.feat import FEAT
from metassl.heads.in_context import InContext
from metassl.heads.mahalanobis import Mahalanobis
from metassl.heads.propagation import Propagation
from metassl.heads.relation import Relation, RelationSoftmax
from metassl.heads.ridge import Ridge
from metassl.heads.svm import SVM
from metassl.heads.tabular.head import TabularInContext
from tests.support.contexts import WAY, D
from tests.support.numbers import random

HEADS: dict[str, Callable[[int], Head]] = {
    "matching": lambda features: CosineAttention(3.0),
    "relation": lambda features: Relation((features,), vector_hidden=8),
    "relation_softmax": lambda features: RelationSoftmax((features,), vector_hidden=8),
    "tpn": lambda features: Propagation(features, 4, 0.9, 1.0, 5),
    "r2d2": lambda features: Ridge(0.5, 2.0, 0.1),
    "metaoptnet": lambda features: SVM(0.3, 2.0, 20),
    "feat": lambda features: FEAT(features, 2.0, 0.5, 3.0),
    "mahalanobis": lambda features: Mahalanobis(0.5),
    "in_context": lambda features: InContext(features, width=8, heads=2, blocks=1, loops=2, hidden=8),
    "tabular": lambda features: TabularInContext(width=8, heads=2, blocks=1, hidden=8, columns=4),
}
INDUCTIVE = [name for name in HEADS if name != "tpn"]


def built(make: Callable[[int], Head], features: int = D) -> Any:
    """A head in float64, its networks built for features of that size."""
    torch.manual_seed(0)
    return make(features).double()


def make_head(name: str) -> Head:
    """One of them in float64, its networks built for D features."""
    return built(HEADS[name])


def soft_rows(n: int = 9) -> tuple[Tensor, Tensor, Tensor]:
    """Features [n, D], soft labels [n, N], weights [n] in 0.2..1."""
    z, q = random(n, D), random(n, WAY, seed=1).softmax(-1)
    return z, q, torch.linspace(0.2, 1, n, dtype=torch.float64)


def hard_rows(n: int = 9) -> tuple[Tensor, Tensor, Tensor]:
    """Features [n, D], one-hot labels [n, N], weights 1."""
    q = torch.eye(WAY).double()[torch.arange(n) % WAY]
    return random(n, D), q, torch.ones(n).double()
