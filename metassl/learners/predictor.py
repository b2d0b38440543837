"""The predictor that a learner shows to the SSL objective.

Legend: N way, S support, U unlabelled, D features.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

from torch import Tensor

from metassl.learners.adapted import Anchor
from metassl.learners.base import MetaLearner
from metassl.norms.base import Pass
from metassl.numerics.tensors import Tensors
from metassl.tasks.episode import Episode, Unlabelled

Classify = Callable[[Tensor], Tensor]
LOOK = Pass(moves=False)  # passes that only look leave moving averages alone


@dataclass(frozen=True)
class LearnerPredictor:
    """Shows an objective how a learner predicts on a task, with the parameters of this moment.

    See metassl.ssl.context.Predictor.

    Attributes:
        learner: with these parameters in place, unless `apart`.
        episode, unlabelled, anchor: the task.
        params: what adaptation moves.
        fit: support features [S, D] -> a function from features to logits.
        classifier: that function where it is known already.
        known: features that were computed already: "support", or a view's name.
        how: what its passes tell the norms.
        apart: whether `params` still have to be put in place of the learner's own.
    """

    learner: MetaLearner
    episode: Episode
    unlabelled: Unlabelled
    anchor: Anchor
    params: Tensors
    fit: Callable[[Tensor], Classify]
    classifier: Classify | None = None
    known: Mapping[str, Tensor] = field(default_factory=dict)
    how: Pass = LOOK
    apart: bool = False

    def view(self, name: str) -> Tensor:
        """[U, D] features of a view of U."""
        if name in self.known:
            return self.known[name]
        return self.embed(self.unlabelled.views[name], self.unlabelled.weight)

    def support(self) -> Tensor:
        """[S, D] features of the support."""
        if "support" in self.known:
            return self.known["support"]
        return self.embed(self.episode.support_x, self.episode.support_weight)

    def embed(self, x: Tensor, weight: Tensor) -> Tensor:
        """[n, D] features of any inputs, weight [n] 0 for padding."""
        how = replace(self.how, rows=weight) if self.episode.padded else self.how
        with self._in_place():
            return self.learner.embed(x, self.anchor, how)

    def classify(self, z: Tensor) -> Tensor:
        """[n, N] logits of features."""
        with self._in_place():
            return (self.classifier or self.fit(self.support()))(z)

    def under(self, params: Tensors) -> "LearnerPredictor":
        """The same with other parameters: whatever was known is computed anew."""
        return replace(self, params={**self.params, **params}, classifier=None, known={}, apart=True)

    def _in_place(self) -> AbstractContextManager[None]:
        return self.learner.placed(self.params) if self.apart else nullcontext()
