"""What a task looks like from outside."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TaskSpec:
    """What the builders of backbones and heads need to know of the tasks.

    Attributes:
        way: N, the largest number of classes.
        input_shape: shape of one input, (channels, height, width) or (features,).
        base_classes: number of classes of the training split.
    """

    way: int
    input_shape: tuple[int, ...]
    base_classes: int
