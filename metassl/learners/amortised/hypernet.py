"""A hypernetwork that reads the task and writes the initialisation from which MAML goes on.

Legend: N way, S support, U unlabelled, D features, E task embedding, H class embedding, r rank.
"""

from math import prod
from typing import Literal

import torch
from torch import Tensor, nn

from metassl.backbones.base import Backbone
from metassl.errors import ConfigError
from metassl.inner.base import MakeInner
from metassl.inner.sgd import SGD
from metassl.learners.adapted import Anchor
from metassl.learners.amortised.set_encoder import SetEncoder, mlp, read_task
from metassl.learners.gradient.learner import BACKBONE, HEAD
from metassl.learners.gradient.maml import MAML
from metassl.learners.traits import LearnerTraits
from metassl.schema.ranges import Count, Whole, Words
from metassl.tasks.episode import Episode
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import Stage


class VectorDelta(nn.Module):
    """Turns the description of a task into a change of a bias, a scale or a shift.

    Δ = A t + a for a bias, a scale or a shift; A and a start at 0. Source: Ha et al. 2017, section 3.1.

    Args:
        size: E.
        shape: of the parameter.
    """

    def __init__(self, size: int, shape: torch.Size) -> None:
        super().__init__()
        self.shape = shape
        self.linear = zero(nn.Linear(size, prod(shape)))

    def forward(self, task: Tensor) -> Tensor:
        """task [E] -> the parameter's shape."""
        return self.linear(task).view(self.shape)


class MatrixDelta(nn.Module):
    """Turns the description of a task into a low-rank change of a matrix or a kernel.

    Δ = L(t) R(t), of rank r, for a matrix or a kernel [o, ...] taken as a matrix.

    L and R are affine in t; L starts at 0, R does not, so that L has a gradient from the start.
    It has E·r·(o + i) numbers where a linear map to all o·i entries has E·o·i.
    Source: Ha et al. 2017, section 3.1 (kernels from an embedding, in factors); zero start as in LoRA, Hu et
    al. 2022, section 4.1.

    Args:
        size: E.
        shape: of the parameter.
        rank: r.
    """

    def __init__(self, size: int, shape: torch.Size, rank: int) -> None:
        super().__init__()
        self.shape, self.rows, self.rank = shape, shape[0], rank
        self.left = zero(nn.Linear(size, self.rows * rank))
        self.right = nn.Linear(size, rank * prod(shape[1:]))

    def forward(self, task: Tensor) -> Tensor:
        """task [E] -> the parameter's shape."""
        left, right = self.left(task).view(self.rows, self.rank), self.right(task).view(self.rank, -1)
        return (left @ right).view(self.shape)


def zero(linear: nn.Linear) -> nn.Linear:
    """The same layer with output 0."""
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear


class HyperNetwork(MAML):
    """Reads the task and writes the initialisation, from which gradient steps go on.

    φ_0 = θ + Δ(t), head_c = MLP([h_c, t]), (t, h) = encoder(S ∪ U); then K inner steps.

    At the start Δ = 0: MAML with a generated head. The head comes from one network for all classes, so the
    learner doesn't know the classes by their numbers. U takes part as items without a label.
    Source: Ha et al. 2017 (hypernetworks); Zhmoginov et al. 2022, section 3.3 (weights generated from S ∪ U).

    Differs from the paper: a set encoder and low-rank changes stand for the transformer of Zhmoginov et al.
    that writes the weights layer by layer from tokens, and gradient steps follow, which they have not.

    Args:
        backbone, task, inner, steps, test_steps, order: see MAML.
        adapt: prefixes of the parameters that are generated and then moved; one of them must be the head's.
        encoder: reads the task; None: with its own defaults.
        rank: r of the generated matrices.
    """

    traits = LearnerTraits(reads_unlabelled=True)

    def __init__(
        self,
        backbone: Backbone,
        task: TaskSpec,
        inner: MakeInner = SGD,
        steps: Whole = 3,
        test_steps: Whole | None = 4,
        order: Literal[1, 2] = 2,
        adapt: Words = (BACKBONE, HEAD),
        encoder: SetEncoder | None = None,
        rank: Count = 4,
    ) -> None:
        super().__init__(backbone, task, inner, steps, test_steps, order, adapt)
        if HEAD not in adapt:
            raise ConfigError(
                f"model.adapt: found {list(adapt)}, allowed are lists with '{HEAD}', which is generated."
            )
        self.head.requires_grad_(False)  # generated anew for each task
        encoder = encoder or SetEncoder(backbone.out_dim, task=task)
        self.encoder = encoder
        self.generate_head = mlp(encoder.hidden + encoder.size, encoder.hidden, backbone.out_dim + 1)
        shapes = {n: p.shape for n, p in self.named_parameters() if self.moves(n) and not n.startswith(HEAD)}
        self.generated = list(shapes)
        self.deltas = nn.ModuleList(
            MatrixDelta(encoder.size, shape, rank) if len(shape) > 1 else VectorDelta(encoder.size, shape)
            for shape in shapes.values()
        )

    def start(self, episode: Episode, anchor: Anchor, stage: Stage) -> dict[str, Tensor]:
        """φ_0, from the task."""
        theta = self.theta()
        encoding = self.encoder(read_task(self, episode, anchor, stage))
        named = zip(self.generated, self.deltas, strict=True)
        phi = {name: theta[name] + delta(encoding.task) for name, delta in named}
        task = encoding.task.expand(episode.outputs, -1)
        head = self.generate_head(torch.cat((encoding.outputs, task), dim=-1))
        return {**phi, "head.weight": head[:, :-1], "head.bias": head[:, -1]}
