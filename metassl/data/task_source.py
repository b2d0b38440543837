"""Where the tasks of a run come from: classes of a pool, or something that makes each task anew."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np

from metassl.data.builder import Sampler
from metassl.data.low_quality.quality import Quality
from metassl.data.pool import Contents, Source
from metassl.outcomes.base import Outcome
from metassl.tasks.spec import TaskSpec


class MakeUp(Protocol):
    """What an episode is made of, checked."""

    @property
    def transductive(self) -> bool:
        """Whether U is Q without its labels."""
        ...

    @property
    def quality(self) -> Quality:
        """What is wrong with its data."""
        ...

    def described(self) -> dict[str, Any]:
        """For results: the make-up by the names of the config."""
        ...

    def sentence(self) -> str:
        """The same for people."""
        ...


@runtime_checkable
class TaskSource(Protocol):
    """Makes episodes of a kind of task.

    Attributes:
        outcomes: what its tasks can ask for.
        reduced: whether the data are fewer than the published data set has; they compare with no paper.
    """

    @property
    def outcomes(self) -> tuple[type[Outcome], ...]:
        """See above."""
        ...

    @property
    def reduced(self) -> bool:
        """See above."""
        ...

    def make_ups(self, train: Mapping[str, Any], changes: Mapping[str, Any]) -> tuple[Any, Any]:
        """The make-up of training episodes by config values, and of validation and test episodes by what
        changes there. Raises ConfigError that names the key."""
        ...

    def task_spec(self, train: Any, test: Any, outcome: Outcome) -> TaskSpec:
        """What builders need to know of tasks of these make-ups."""
        ...

    def sampler(self, make_up: Any, seed: int, split: str, outer: bool) -> Sampler:
        """Draws the episodes of a split; with `outer` each has a second set of unlabelled inputs."""
        ...

    def items(self) -> np.ndarray | None:
        """[n, ...] what the rows of a draw are of; None where each draw brings its own."""
        ...

    def description(self) -> str:
        """A few words on how much there is, for people."""
        ...


@runtime_checkable
class PreparedTasks(Protocol):
    """Makes tasks of what one or more sources hold once they are prepared."""

    def prepared(self, load: Callable[[Source], Contents]) -> TaskSource:
        """Where the tasks come from; `load` gives what a source holds, prepared now if it was not before."""
        ...
