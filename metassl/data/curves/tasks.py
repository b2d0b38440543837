"""The source of tasks that are curves."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from metassl.data.builder import Sampler
from metassl.data.curves.families import Family
from metassl.data.curves.sampler import CurveSampler
from metassl.data.curves.spec import PointSpec, point_spec
from metassl.errors import ConfigError, one_of
from metassl.outcomes.base import Outcome
from metassl.outcomes.values import Values
from metassl.schema.constructor import checked
from metassl.schema.ranges import Count, NotNegative, Number, Words
from metassl.tasks.spec import TaskSpec


class Curves:
    """Makes tasks without end: each is a curve of some family, to be told from a few of its points.

    x ~ U[low, high]^d, y = f(x) + noise·N(0, 1), f a member of one of the families, each family as likely.
    Support, queries and unlabelled points are drawn apart. The splits draw other curves of the same families,
    or, with `test_families`, of families that training never meets. See metassl.data.task_source.TaskSource.

    The family of a task is in the oracle, by its place among `kinds`, and nowhere else.

    Source: Finn et al. 2017, section 5.1 (sine waves). episode=hsml4 and arml6 are the mixtures of Yao et al.
    2019 (HSML) and 2020 (ARML) as their data_generator.py draws them, every constant: x ~ U[-5, 5], though
    ARML's text says U[0, 5]; in arml6 noise 0.3 in S and Q alike, and a second input that is 1 for the four
    families that read one (`unread`).

    Differs from the papers: U, which they don't have, and the random numbers, which are NumPy's global state
    with them and here the episode's own, so that the splits differ.

    Args:
        kinds: name -> family.
        families: names of those that tasks are drawn from.
        test_families: of validation and test; None: the same.
        low, high: of the inputs.
        inputs: d.
        noise: standard deviation, 0 or more.
        unread: what the inputs are that a family doesn't read; None: uniform as the others. A number
            shows in S and in U how many inputs the family reads.

    Raises:
        ConfigError: a family that there is not, or that needs more inputs.
    """

    outcomes: ClassVar[tuple[type[Outcome], ...]] = (Values,)
    reduced: ClassVar[bool] = False

    @checked("dataset.source")
    def __init__(
        self,
        kinds: Mapping[str, Family],
        families: Words = ("sine",),
        test_families: Words | None = None,
        low: Number = -5.0,
        high: Number = 5.0,
        inputs: Count = 1,
        noise: NotNegative = 0.0,
        unread: Number | None = None,
    ) -> None:
        self.kinds = dict(kinds)
        self.inputs, self.noise, self.unread = inputs, noise, unread
        if not low < high:
            raise ConfigError(f"dataset.source.low: found {low} with high {high}, allowed is a lower number.")
        self.span = (float(low), float(high))
        self.train = self._names("families", families)
        self.test = self.train if test_families is None else self._names("test_families", test_families)

    def make_ups(self, train: Mapping[str, Any], changes: Mapping[str, Any]) -> tuple[PointSpec, PointSpec]:
        """See TaskSource."""
        return point_spec(train), point_spec({**train, **changes}, "episode.test")

    def task_spec(self, train: PointSpec, test: PointSpec, outcome: Outcome) -> TaskSpec:
        """One value of d inputs."""
        return TaskSpec(way=1, input_shape=(self.inputs,), outcome=outcome)

    def sampler(self, make_up: PointSpec, seed: int, split: str, outer: bool) -> Sampler:
        """See TaskSource."""
        names = self.train if split == "train" else self.test
        numbers = [list(self.kinds).index(name) for name in names]
        families = [self.kinds[name] for name in names]
        return CurveSampler(
            families, numbers, self.span, self.inputs, self.noise, self.unread, make_up, seed, split, outer
        )

    def items(self) -> None:
        """None: each draw brings its own."""

    def description(self) -> str:
        """The families and their inputs."""
        train, test = ", ".join(self.train), ", ".join(self.test)
        families = train if train == test else f"{train}; test: {test}"
        low, high = self.span
        return f"curves without end ({families}), inputs from {low:g} to {high:g}"

    def _names(self, key: str, names: Sequence[str]) -> list[str]:
        names = [names] if isinstance(names, str) else list(names)
        if not names:
            raise ConfigError(
                f"dataset.source.{key}: found none, allowed are one or more of {list(self.kinds)}."
            )
        for name in names:
            if name not in self.kinds:
                raise ConfigError(one_of(f"dataset.source.{key}", name, self.kinds))
            if self.kinds[name].inputs > self.inputs:
                raise ConfigError(
                    f"dataset.source.inputs: found {self.inputs}, '{name}' needs {self.kinds[name].inputs}."
                )
        return names
