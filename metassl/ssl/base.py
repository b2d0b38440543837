"""What an SSL objective is: it labels U, or it penalises the predictor on U, or both.

Legend: N way, S support, U unlabelled, D features.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from metassl.episode import Episode, Unlabelled
from metassl.stage import Stage


@dataclass(frozen=True)
class SoftLabels:
    """Labels that an objective gives to U.

    Attributes:
        q: [U, N] targets, rows that sum to 1.
        weight: [U] what each is worth, 0..1; padding is taken out by the caller.
        view: the view on which the learner is to learn them.
    """

    q: Tensor
    weight: Tensor
    view: str


class Context:
    """What an objective may see of one task at one moment. No label of U, no oracle.

    Everything is computed when first asked for and then kept, so two objectives that need the
    same logits pay once.

    Args:
        episode: the task, for its support labels, weights and class mask.
        unlabelled: the unlabelled images meant here (of the inner or the outer loss).
        embed: view -> [U, D] features by the predictor as it is now.
        embed_support: -> [S, D] features of the support.
        classify: [n, D] features -> [n, N] logits.
        stage: where in training this is.
    """

    def __init__(
        self,
        episode: Episode,
        unlabelled: Unlabelled,
        embed: Callable[[str], Tensor],
        embed_support: Callable[[], Tensor],
        classify: Callable[[Tensor], Tensor],
        stage: Stage,
    ) -> None:
        self.episode, self.unlabelled, self.stage = episode, unlabelled, stage
        self._embed, self._embed_support, self._classify = embed, embed_support, classify
        self._features: dict[str, Tensor] = {}
        self._logits: dict[str, Tensor] = {}
        self._support: Tensor | None = None

    def features(self, view: str) -> Tensor:
        """[U, D] features of a view of U."""
        if view not in self._features:
            self._features[view] = self._embed(view)
        return self._features[view]

    def logits(self, view: str) -> Tensor:
        """[U, N] logits of a view of U."""
        if view not in self._logits:
            self._logits[view] = self._classify(self.features(view))
        return self._logits[view]

    def support_features(self) -> Tensor:
        """[S, D] features of the support."""
        if self._support is None:
            self._support = self._embed_support()
        return self._support


class SSLObjective(nn.Module):
    """Says what unlabelled images are worth. Parameters, if it has any, the outer loop trains.

    Attributes:
        views: name in the episode -> kind of view ("plain", or what the data set's config names,
            such as "weak" and "strong"). Empty: the objective uses no unlabelled image.
    """

    views: ClassVar[Mapping[str, str]] = {}

    @property
    def labels(self) -> bool:
        """Whether the objective labels U (and not only penalises)."""
        return type(self).label is not SSLObjective.label

    def label(self, context: Context) -> SoftLabels | None:
        """Soft labels for U, or None for an objective that only penalises."""
        return None

    def penalty(self, context: Context) -> Tensor | None:
        """A scalar to be made small, or None for an objective that only labels."""
        return None
