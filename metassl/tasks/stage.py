"""Where in its life a learner is when it meets a task."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """Passed to every learner and objective; plain numbers, so that what is off costs nothing.

    Attributes:
        training: meta-training (True) or validation and meta-test (False).
        progress: share of the outer steps that are done, 0..1; 1 outside training.
        unlabelled: False deprives the learner of U: the same number of steps, without it.
    """

    training: bool = False
    progress: float = 1.0
    unlabelled: bool = True


TEST = Stage()
CONTROL = Stage(unlabelled=False)
