"""Labels of the support that are wrong, as those of a tired annotator.

Legend: T episodes, S support, N way.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from metassl.data.builder import Sampler
from metassl.data.drawing.draw import Draw
from metassl.data.drawing.random_numbers import RandomNumbers, below
from metassl.data.low_quality.quality import Interval, Quality
from metassl.errors import ConfigError

LANE = 1000  # of its own, far from those of any sampler


class WrongLabels:
    """Gives some of the support a wrong label, and leaves all else of another sampler's episodes as it is.

    Symmetric noise: each example of S keeps its label with probability 1 - r; else it gets one of the N - 1
    other classes of its task, each as likely. So r is the expected share; in one episode it varies. Padding
    has no label to lose. What is wrong at a small r is wrong, in the same way, at a larger one.

    Source: symmetric noise of van Rooyen et al. 2015, without the chance to draw the right class again.

    Args:
        sampler: of episodes of classes.
        share: r; of a range each episode draws its own.
        seed, split: of the sampler.
    """

    def __init__(self, sampler: Sampler, share: Interval, seed: int, split: str) -> None:
        self.sampler, self.share, self.seed, self.split = sampler, share, seed, split

    @property
    def padded(self) -> bool:
        """Whether episodes differ in size."""
        return self.sampler.padded

    @property
    def count(self) -> int:
        """How many different rows it can draw."""
        return self.sampler.count

    def __call__(self, episodes: Sequence[int] | range) -> Draw:
        """The draw of the episodes with these numbers. Raises ConfigError for a task of one class."""
        draw = self.sampler(episodes)
        way, y = draw.class_mask.sum(axis=1, keepdims=True), draw.support_y
        if (way < 2).any():
            raise ConfigError(
                "episode.label_noise: found a task of one class, where no label can be wrong; allowed is 0."
            )
        u = RandomNumbers(self.seed, self.split, episodes).uniform(LANE, 1 + 2 * y.shape[1])
        chance, which = np.split(u[:, 1:], 2, axis=1)
        wrong = (chance < self.share.within(u[:, :1])) & draw.support_weight
        other = (y + 1 + below(which, way - 1)) % way
        return replace(draw, support_y=np.where(wrong, other, y), support_true=y)


def with_wrong_labels(sampler: Sampler, quality: Quality, seed: int, split: str) -> Sampler:
    """The sampler itself where no label is to be wrong."""
    return WrongLabels(sampler, quality.label_noise, seed, split) if quality.wrong_labels else sampler
