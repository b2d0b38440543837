"""Small learners in float64, the same weights each time."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from metassl.backbones.base import Backbone
from metassl.backbones.conv4 import Conv4
from metassl.heads.base import Head
from metassl.heads.prototypes import Prototypes
from metassl.inner.base import MakeInner
from metassl.inner.sgd import SGD
from metassl.learners.base import MetaLearner
from metassl.learners.gradient.learner import GradientLearner
from metassl.learners.gradient.maml import MAML
from metassl.learners.metric.learner import HeadLearner
from metassl.norms.base import ALL_ROWS, Pass
from metassl.norms.kinds import make_norm
from metassl.ssl.term import SSLTerm
from tests.support.episodes import SPEC
from tests.support.numbers import random

NORMS = ("batch", "support", "group")
WHOLE = ("backbone.", "head.")  # the parameters that MAML adapts


class Smooth(Backbone):
    """Convolution, norm and tanh, twice: without a kink, so that differences are exact to many digits."""

    def __init__(self, norm: str, norm_steps: int = 0) -> None:
        super().__init__()
        self.norm, self.out_dim = norm, 16
        self.convs = nn.ModuleList([nn.Conv2d(1, 4, 3, stride=4), nn.Conv2d(4, 4, 3, stride=2, padding=1)])
        self.norms = nn.ModuleList(make_norm(norm, 4, norm_steps) for _ in range(2))

    def forward(self, x: Tensor, how: Pass = ALL_ROWS) -> Tensor:
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = torch.tanh(norm(conv(x), how))
        return x.flatten(1)


class Flat(Backbone):
    """Features are the inputs times a learned factor, so that they can be written down."""

    def __init__(self, dim: int, norm: str = "group") -> None:
        super().__init__()
        self.norm, self.out_dim = norm, dim
        self.factor = nn.Parameter(torch.tensor(1.0))

    def forward(self, x: Tensor, how: Pass = ALL_ROWS) -> Tensor:
        return x.flatten(1) * self.factor


def conv4(norm: str, norm_steps: int = 0) -> Backbone:
    """Conv4 of four filters."""
    return Conv4((1, 16, 16), 4, norm, norm_steps)


def sgd(rate: float = 0.1, steps: int = 2, learned: bool = True) -> MakeInner:
    """Plain gradient descent, with a rate for each inner step."""
    return partial(SGD, rate=rate, steps=steps, learned=learned)


def gradient_learner(
    norm: str,
    ssl: SSLTerm,
    order: int | None = 2,
    make_backbone: Callable[[str], Backbone] = conv4,
    *,
    kind: Callable[..., Any] = MAML,
    inner: MakeInner | None = None,
    steps: int = 2,
    test_steps: int | None = None,
    adapt: Sequence[str] | None = WHOLE,
    **own: Any,
) -> Any:
    """MAML of two inner steps, or another learner of `kind` that adapts by gradients.

    Args:
        kind: the learner's class; inner: makes its inner optimiser.
        order, adapt: None for a learner that has no such option.
        own: the options that it has beyond MAML's.
    """
    torch.manual_seed(0)
    backbone = make_backbone(norm)
    options = {"steps": steps, "test_steps": test_steps, "order": order, "adapt": adapt, **own}
    given = {n: v for n, v in options.items() if n not in ("order", "adapt") or v is not None}
    return kind(backbone, SPEC, inner=inner or sgd(), **given).attach(ssl).double()


def maml(
    ssl: SSLTerm,
    norm: str = "batch",
    *,
    steps: int = 2,
    rates: int = 2,
    learned: bool = True,
    **options: Any,
) -> GradientLearner:
    """MAML with a rate for each step that differs from the others, so that a mixed-up step shows."""
    learner = gradient_learner(norm, ssl, inner=sgd(0.1, rates, learned), steps=steps, **options)
    with torch.no_grad():
        learner.inner.rates.copy_(torch.linspace(0.1, 0.3, rates))
    return learner


def head_learner(
    norm: str,
    ssl: SSLTerm,
    make_backbone: Callable[[str], Backbone] = conv4,
    *,
    head: Callable[[int], Head] = lambda features: Prototypes(),
    rounds: int = 2,
) -> HeadLearner:
    """ProtoNet, or a learner with another closed-form head, made for the features."""
    torch.manual_seed(0)
    backbone = make_backbone(norm)
    return HeadLearner(backbone, head(backbone.out_dim), rounds).attach(ssl).double()


def shaken(learner: MetaLearner) -> MetaLearner:
    """No parameter at its initial zero, so that every part of the learner has a say."""
    for k, p in enumerate(learner.parameters()):
        p.data += 0.05 * random(*p.shape, seed=k)
    return learner


def scramble(module: nn.Module, seed: int = 2) -> None:
    """Random values for every parameter, so that nothing hides behind an initial 0."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(0.5 * torch.randn(p.shape, generator=generator))
