"""The window that a learner opens on its predictor, for the SSL objective.

Legend: N way, S support, U unlabelled, D features.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from torch import Tensor

from metassl.norms.kinds import still
from metassl.tasks.episode import Episode, Unlabelled

if TYPE_CHECKING:
    from metassl.learners.base import Anchor, MetaLearner

Classifier = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class LearnerWindow:
    """See metassl.ssl.context.Predictor.

    Attributes:
        learner: with the parameters of this moment in place, unless `placed`.
        episode, unlabelled, anchor: the task.
        params: what adaptation moves.
        fit: support features [S, D] -> a function from features to logits.
        classifier: that function where it is known already.
        known: features that were computed already: "support", or a view's name.
        placed: whether `params` still have to be put in place of the learner's own.
    """

    learner: "MetaLearner"
    episode: Episode
    unlabelled: Unlabelled
    anchor: "Anchor"
    params: Mapping[str, Tensor]
    fit: Callable[[Tensor], Classifier]
    classifier: Classifier | None = None
    known: Mapping[str, Tensor] = field(default_factory=dict)
    placed: bool = False

    def view(self, name: str) -> Tensor:
        """[U, D] features of a view of U."""
        if name in self.known:
            return self.known[name]
        weight = self.unlabelled.weight if self.episode.padded else None
        return self._run(self.learner.embed, self.unlabelled.views[name], weight, self.anchor)

    def support(self) -> Tensor:
        """[S, D] features of the support."""
        if "support" in self.known:
            return self.known["support"]
        weight = self.episode.support_weight if self.episode.padded else None
        return self._run(self.learner.embed, self.episode.support_x, weight, self.anchor)

    def embed(self, x: Tensor, weight: Tensor) -> Tensor:
        """[n, D] features of any inputs, weight [n] 0 for padding."""
        return self._run(self.learner.embed, x, weight if self.episode.padded else None, self.anchor)

    def classify(self, z: Tensor) -> Tensor:
        """[n, N] logits of features."""
        return self._run(self._classify, z)

    def under(self, params: Mapping[str, Tensor]) -> "LearnerWindow":
        """The same with other parameters: whatever was known is computed anew."""
        return replace(self, params={**self.params, **params}, classifier=None, known={}, placed=True)

    def _classify(self, z: Tensor) -> Tensor:
        return (self.classifier or self.fit(self.support()))(z)

    def _run(self, function: Callable[..., Tensor], *args: Any) -> Tensor:
        """Runs it with the parameters in place; passes that only look leave moving averages alone."""
        with still(self.learner.backbone):
            return self.learner.under(self.params, function, *args) if self.placed else function(*args)
