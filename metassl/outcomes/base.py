"""What a task asks for: classes, values or an order. One object, named by the task spec, that learners ask.

Legend: n items, K outputs of a predictor (N classes, or the values of an item), H numbers of an embedding.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from metassl.outcomes.scores import Score

Units = Mapping[str, Tensor]
"""How a task's values were standardised: {} or {"shift": [K], "scale": [K]}, value = shift + scale·target."""


@dataclass(frozen=True)
class Outcome:
    """Says what the outputs [n, K] of a predictor mean: their loss, their scores, labels in their form.

    Learners, heads and objectives speak of outputs; what a class or a value is stands here alone. An outcome
    is immutable and belongs to the structure of an episode, as the number of dimensions of a tensor does.

    Attributes:
        name: its option in conf/outcome/.
        asks: what its tasks ask for, in words.
        scores: what is measured on the queries; the first decides.
    """

    name: ClassVar[str]
    asks: ClassVar[str]
    scores: ClassVar[tuple[Score, ...]]

    @property
    def score(self) -> Score:
        """The score that decides: of validation, checkpoints, gains and tables."""
        return self.scores[0]

    def targets(self, y: Tensor, outputs: int) -> Tensor:
        """[n, K] labels as a predictor that knew them would put them out."""
        raise NotImplementedError

    def loss(self, outputs: Tensor, y: Tensor, weight: Tensor) -> Tensor:
        """Scalar loss of outputs [n, K] against labels y, items weighted by [n]."""
        raise NotImplementedError

    def support_loss_of(self, outputs: Tensor, y: Tensor, weight: Tensor) -> Tensor:
        """Scalar loss of the support that adaptation descends, as `loss` unless the outcome has another."""
        return self.loss(outputs, y, weight)

    @property
    def one_loss(self) -> bool:
        """Whether adaptation descends the same loss on S that is measured on Q."""
        return True

    def label_loss(self, outputs: Tensor, q: Tensor, weight: Tensor) -> Tensor:
        """[n] loss of each item against targets q [n, K] that an objective gave; weight [n] 0 for padding."""
        raise NotImplementedError

    def predictions(self, outputs: Tensor) -> Tensor:
        """[n, K] outputs in the form of targets: what consistency compares and self-labelling passes on."""
        raise NotImplementedError

    def divergence(self, clean: Tensor, moved: Tensor) -> Tensor:
        """[n] how far the predictions of outputs `moved` are from those of `clean`; 0 where they agree."""
        raise NotImplementedError

    def measure(self, outputs: Tensor, y: Tensor, weight: Tensor, units: Units) -> dict[str, Tensor]:
        """Scalars by name, in the labels' own units: the scores, and what `summary` makes others of."""
        raise NotImplementedError

    def summary(self, columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """By score, a value for each episode whose mean is the score of all, from what `measure` gave."""
        return {score.name: columns[score.name] for score in self.scores}

    def constant(
        self, support_y: Tensor, support_weight: Tensor, query_y: Tensor, query_weight: Tensor,
        present: Tensor, units: Units,
    ) -> Tensor:  # fmt: skip
        """What a guess that knows no input scores, by the deciding score: scalar; present [K] bool."""
        raise NotImplementedError

    def label_quality(
        self, q: Tensor, weight: Tensor, truth: Tensor, own: Tensor, units: Units
    ) -> dict[str, Tensor]:
        """How right labels q [U, K] of weight [U] are; truth as y, own [U] 1 for an item of the task."""
        raise NotImplementedError

    def masses(self, q: Tensor) -> Tensor:
        """[n, M] targets q [n, K] of labelled items as numbers that can be added up; 0 is no label."""
        raise NotImplementedError

    def from_masses(self, masses: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """[n, K] the mean target of added masses [n, M], and [n] how much there is of it, 0 or more.

        Where there is nothing, a target that says nothing; present [K] bool.
        """
        raise NotImplementedError

    def certainty(self, q: Tensor, present: Tensor) -> Tensor:
        """[n] how sure targets q [n, K] are, 0..1; present [K] bool."""
        raise NotImplementedError

    def readable(self, q: Tensor) -> Tensor:
        """[n, R] the numbers of targets q [n, K] that mean the same in every task: of class names none."""
        raise NotImplementedError

    def per_output(self, e: Tensor, q: Tensor, w: Tensor) -> Tensor:
        """[K, H] an embedding of each output: items e [n, H] with targets q [n, K] of weight w [n]."""
        raise NotImplementedError

    def units(self, support_y: Tensor, support_weight: Tensor) -> dict[str, Tensor]:
        """How values are standardised by the support [T, S, ...] of each task; {} for not at all."""
        return {}


def mask_outputs(outputs: Tensor, present: Tensor) -> Tensor:
    """Outputs that the task lacks (present [K] False) at a very low, finite value: no NaN from 0·∞."""
    return outputs.masked_fill(~present, torch.finfo(outputs.dtype).min / 8)


def standardised(y: Tensor, units: Units) -> Tensor:
    """Values [T, n, K] in the units [T, K] of their tasks."""
    return (y - units["shift"].unsqueeze(-2)) / units["scale"].unsqueeze(-2) if units else y


def in_own_units(outputs: Tensor, units: Units) -> Tensor:
    """Outputs [n, K] of a task as values in the units of the labels."""
    return units["shift"] + units["scale"] * outputs if units else outputs


def narrower(one: Sequence[type[Outcome]], other: Sequence[type[Outcome]]) -> tuple[type[Outcome], ...]:
    """The outcomes that two parts of a learner both make sense of."""
    both = dict.fromkeys((*one, *other))
    return tuple(kind for kind in both if issubclass(kind, tuple(one)) and issubclass(kind, tuple(other)))
