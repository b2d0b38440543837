"""HSML: a tree of task clusters says which part of each weight a task starts from; then MAML's inner steps.

Legend: N way, S support, U unlabelled, D features, E task embedding.
"""

from collections.abc import Iterator
from math import prod
from typing import Literal

import torch
from torch import Tensor, nn

from metassl.backbones.base import Backbone
from metassl.inner.base import MakeInner
from metassl.inner.sgd import SGD
from metassl.learners.adapted import Anchor
from metassl.learners.amortised.autoencoder import Rebuilt, TaskAutoencoder
from metassl.learners.amortised.set_encoder import read_task
from metassl.learners.amortised.soft_tree import SoftTree
from metassl.learners.base import Scores
from metassl.learners.gradient.learner import BACKBONE, HEAD
from metassl.learners.gradient.maml import MAML
from metassl.learners.traits import LearnerTraits
from metassl.schema.ranges import Counts, NotNegative, Positive, Whole, Words
from metassl.tasks.episode import Episode
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import Stage


class Gate(nn.Module):
    """Says how much of each number of a weight a task keeps: σ(A t + a), from 0 to 1.

    Args:
        size: numbers of t.
        shape: of the weight, or one that its shape can be got from by repetition.
    """

    def __init__(self, size: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape
        self.linear = nn.Linear(size, prod(shape))

    def forward(self, task: Tensor) -> Tensor:
        """[size] -> shape."""
        return self.linear(task).sigmoid().view(self.shape)


class HSML(MAML):
    """Starts each task from the part of every weight that its kind of task keeps, then takes gradient steps.

    φ_0 = θ ⊙ σ(A [g, h] + a), g = autoencoder(S ∪ U), h = tree(g); then the inner steps of MAML. The outer
    loss is L(Q; φ_K) + ξ·(what rebuilding the items from their codes costs).

    Tasks of one kind come by the same way through the tree and share a start; the clusters are found from
    the loss alone. Of classes the autoencoder sees examples and no names. U takes part as items without a
    label. The scales and shifts of norms are not gated; their code, too, leaves them as they are.
    Source: Yao et al. 2019, Algorithm 1 and section 4; constants and layers by their code.

    Differs from the paper: the autoencoder reads features of the backbone before it is gated, where theirs
    reads pairs (x, y) or has a convolutional network of its own; it pools, which is the second of theirs; and
    the head has one row of gates for all of its rows, so that a gate knows no class by its number.

    Args:
        backbone, task, inner, steps, test_steps, order: see MAML.
        adapt: prefixes of the parameters that are gated and then moved.
        encoder: reads the task; None: with its own defaults.
        clusters: of each level of the tree, from the leaves on.
        spread: σ of the leaves (see SoftTree).
        reconstruction: ξ.
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
        encoder: TaskAutoencoder | None = None,
        clusters: Counts = (4, 2),
        spread: Positive = 2.0,
        reconstruction: NotNegative = 0.01,
    ) -> None:
        super().__init__(backbone, task, inner, steps, test_steps, order, adapt)
        self.reconstruction = reconstruction
        self.encoder = encoder or TaskAutoencoder(backbone.out_dim, task=task)
        self.tree = SoftTree(self.encoder.size, clusters, spread)
        shapes = {name: _of_gate(name, p) for name, p in _layers(self) if self.moves(name)}
        self.gated = list(shapes)
        self.gates = nn.ModuleList(Gate(2 * self.encoder.size, shape) for shape in shapes.values())

    def start(self, episode: Episode, anchor: Anchor, stage: Stage) -> dict[str, Tensor]:
        """φ_0, from the task."""
        theta = super().start(episode, anchor, stage)
        g = self.read(episode, anchor, stage).task
        both = torch.cat((g, self.tree(g)))
        gates = {name: gate(both) for name, gate in zip(self.gated, self.gates, strict=True)}
        return {**theta, **{name: theta[name] * gate for name, gate in gates.items()}}

    def read(self, episode: Episode, anchor: Anchor, stage: Stage) -> Rebuilt:
        """What the autoencoder makes of a task."""
        return self.encoder(read_task(self, episode, anchor, stage))

    def outer_loss(self, episode: Episode, stage: Stage) -> tuple[Tensor, Scores]:
        """That of MAML, plus ξ times what rebuilding the items of the task cost."""
        loss, scores = super().outer_loss(episode, stage)
        rebuilt = self.read(episode, self.anchor(episode, stage), stage)
        return loss + self.reconstruction * rebuilt.loss, scores


def _layers(learner: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Weights and biases of layers by name; scales and shifts of norms are none."""
    for path, module in learner.named_modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            yield from ((f"{path}.{name}", p) for name, p in module.named_parameters())


def _of_gate(name: str, p: Tensor) -> tuple[int, ...]:
    """One row for all rows of the head, so that classes keep no names."""
    return (1, *p.shape[1:]) if name.startswith(HEAD) else tuple(p.shape)
