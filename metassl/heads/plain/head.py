"""What classifiers of scikit-learn have in common as heads.

Legend: N way, n rows of a task, m items to classify, D features.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from metassl.heads.base import Head
from metassl.numerics.geometry import unit
from metassl.schema.ranges import Switch

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Scores = Callable[[Tensor], Tensor]
"""Features [m, D] -> logits [m, N]."""
UNSEEN = -20.0  # logit of a class that no row has
LEAST = 1e-6  # probability, in a logarithm


class PlainHead(Head):
    """Has a classifier of scikit-learn learn the task, on the CPU and without a gradient.

    A row with soft labels stands there once for each of its classes, with q as its weight; a classifier that
    takes no weights gets it once, with its likeliest class.

    Attributes:
        takes_weights: whether the classifier takes weights of rows.

    Args:
        unit_length: whether features are scaled to length 1 first.
    """

    takes_weights: bool = True

    def __init__(self, unit_length: Switch = False) -> None:
        super().__init__()
        self.unit_length = unit_length

    def made(self, rows: int) -> Any:
        """The classifier, for a task of so many rows."""
        raise NotImplementedError

    def scores(self, fitted: Any, x: Floats) -> Floats:
        """[m, classes that it has seen] scores, here logarithms of its probabilities.

        A row that no label reaches in a graph has no probabilities; its classes are equally likely then.
        """
        return np.log(np.maximum(np.nan_to_num(fitted.predict_proba(x)), LEAST))

    def fit(self, z: Tensor, q: Tensor, w: Tensor) -> Scores:
        """What the fitted classifier says of features."""
        x, labels, weights = self._rows(z, q, w)
        classes = np.unique(labels[labels >= 0])
        fitted = self._fitted(x, labels, weights) if len(classes) > 1 else None
        return Answers(self, fitted, classes, q.shape[-1])

    def logits(self, state: Scores, z: Tensor) -> Tensor:
        """[m, N]."""
        return state(z)

    def _rows(self, z: Tensor, q: Tensor, w: Tensor) -> tuple[Floats, Integers, Floats]:
        """Rows, their classes (-1: none) and weights, as the classifier gets them."""
        x, labels, weights = self.scaled(z), _array(q), _array(w)
        bare = labels.sum(1) == 0
        if not self.takes_weights:
            labels = np.eye(labels.shape[1])[labels.argmax(1)] * ~bare[:, None]
        row, label = np.nonzero(labels * (weights > 0)[:, None])
        free = np.flatnonzero(bare & (weights > 0)) if self.reads_unlabelled else np.empty(0, int)
        return (
            x[np.concatenate((row, free))],
            np.concatenate((label, np.full(len(free), -1))),
            np.concatenate((labels[row, label] * weights[row], weights[free])),
        )

    def _fitted(self, x: Floats, labels: Integers, weights: Floats) -> Any:
        uneven = self.takes_weights and bool((weights != 1).any())  # a forest draws otherwise by even ones
        options = {"sample_weight": weights} if uneven else {}
        with quietly():
            return self.made(len(x)).fit(x, labels, **options)

    def scaled(self, z: Tensor) -> Floats:
        """[n, D] the features as the classifier gets them."""
        return _array(unit(z) if self.unit_length else z)


@dataclass(frozen=True)
class Answers:
    """A classifier that has learned a task: features [m, D] -> logits [m, N].

    Attributes:
        head: whose it is.
        fitted: the classifier of scikit-learn; None: the task has one class.
        classes: that it has seen.
        way: N.
    """

    head: PlainHead
    fitted: Any
    classes: Integers
    way: int

    def __call__(self, z: Tensor) -> Tensor:
        """[m, N]; UNSEEN for a class that no row had."""
        found = np.full((len(z), self.way), UNSEEN)
        known = self.fitted is not None and len(z) > 0
        with quietly():
            found[:, self.classes] = self.head.scores(self.fitted, self.head.scaled(z)) if known else 0.0
        return torch.from_numpy(found).to(z)


@contextmanager
def quietly() -> Iterator[None]:
    """A classifier that does not converge, or finds nothing to label, is as good as it is."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        for kind in (ConvergenceWarning, UserWarning, RuntimeWarning):
            warnings.simplefilter("ignore", kind)
        yield


def _array(x: Tensor) -> Floats:
    return x.detach().to("cpu", torch.float64).numpy()
