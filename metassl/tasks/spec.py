"""What a task looks like from outside."""

from dataclasses import dataclass

from metassl.outcomes.base import Outcome
from metassl.outcomes.classification import CLASSES


@dataclass(frozen=True)
class TaskSpec:
    """What the builders of backbones and heads need to know of the tasks.

    Attributes:
        way: N, the largest number of classes, or K, how many values a task asks for.
        input_shape: shape of one input, (channels, height, width) or (features,).
        base_classes: number of classes of the training split; 0 where tasks have none.
        outcome: what a task asks for.
        blocks: how many numbers of an input belong together, in order, each of one thing that is known of it;
            (): nothing is said of that.
    """

    way: int
    input_shape: tuple[int, ...]
    base_classes: int = 0
    outcome: Outcome = CLASSES
    blocks: tuple[int, ...] = ()

    @property
    def outputs(self) -> int:
        """K, the outputs of a predictor."""
        return self.way
