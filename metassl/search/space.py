"""A space of hyper-parameters: what each key may be, as Optuna has it and as a command line has it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    IntervalSweep,
    Override,
    QuotedString,
    RangeSweep,
    Transformer,
)
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from metassl.errors import ConfigError, one_of

LOG = "log"


@dataclass(frozen=True)
class Parameter:
    """One key that is searched.

    Attributes:
        key: of the config, or a config group.
        text: the values as they were written, behind the `=`.
        distribution: the same to Optuna.
        texts: of a choice, each option as a command line has it, in the order of the distribution's.
    """

    key: str
    text: str
    distribution: BaseDistribution
    texts: tuple[str, ...] = ()

    def word(self, value: Any) -> str:
        """key=value, which gives exactly this value back."""
        return f"{self.key}={self.shown(value)}"

    def shown(self, value: Any) -> str:
        """A value as a command line has it."""
        if isinstance(self.distribution, CategoricalDistribution):
            return self.texts[int(self.distribution.to_internal_repr(value))]
        return repr(value)

    @property
    def ends(self) -> list[Any]:
        """The values that are looked at before anything runs: both ends, or every option of a choice."""
        found = self.distribution
        if isinstance(found, CategoricalDistribution):
            return list(found.choices)
        assert isinstance(found, FloatDistribution | IntDistribution)
        return [found.low, found.high]

    @property
    def values(self) -> list[Any] | None:
        """All values, where they can be counted: those of a grid. None for an interval of numbers."""
        found = self.distribution
        if isinstance(found, CategoricalDistribution):
            return list(found.choices)
        if isinstance(found, IntDistribution):
            return list(range(found.low, found.high + 1, found.step))
        assert isinstance(found, FloatDistribution)
        if found.step is None:
            return None
        count = round((found.high - found.low) / found.step) + 1
        return [float(f"{found.low + k * found.step:.12g}") for k in range(count)]


def parameter(override: Override, options: Sequence[str] = ()) -> Parameter:
    """What a word with several values asks for. Raises ConfigError where these are no space.

    Args:
        override: a word with an interval, a range or a choice.
        options: of its config group, if it is one; a glob chooses among them.
    """
    value, key = override.value(), override.key_or_group
    text = override.get_value_string()
    said = f"{override.input_line}"
    if override.is_add() or override.is_force_add() or override.is_delete():
        raise ConfigError(f"{said}: a search changes keys that are there; write it without + or ~.")
    if isinstance(value, IntervalSweep):
        return Parameter(key, text, _interval(value, said))
    if isinstance(value, RangeSweep):
        return Parameter(key, text, _range(value, said))
    if isinstance(value, ChoiceSweep) and value.tags:
        raise ConfigError(f"{said}: a choice has no tags.")
    if isinstance(value, Glob):
        listed: Sequence[Any] = value.filter(list(options))
        return _choice(key, f"choice({','.join(listed)})", listed, said)
    assert isinstance(value, ChoiceSweep)
    return _choice(key, text, value.list, said)


def _interval(value: IntervalSweep, said: str) -> BaseDistribution:
    low, high, log = value.start, value.end, _log(value.tags, said)
    assert low is not None
    assert high is not None
    _check_bounds(low, high, log, said)
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=log)
    return FloatDistribution(low, high, log=log)


def _range(value: RangeSweep, said: str) -> BaseDistribution:
    log = _log(value.tags, said)
    if not value.step:
        raise ConfigError(f"{said}: found steps of 0, allowed are others.")
    found = list(value.range())
    if not found:
        raise ConfigError(f"{said}: has no value; the first is {value.start}, and the end {value.stop}.")
    low, high, step = min(found), max(found), abs(value.step)
    _check_bounds(low, high, log, said)
    if all(isinstance(each, int) for each in (low, high, step)):
        if log and step != 1:
            raise ConfigError(f"{said}: found steps of {step}, allowed with the tag log are steps of 1.")
        return IntDistribution(int(low), int(high), log=log, step=int(step))
    if log:
        raise ConfigError(f"{said}: the tag log is for intervals and for ranges of whole numbers.")
    return FloatDistribution(float(low), float(high), step=float(step))


def _choice(key: str, text: str, listed: Sequence[Any], said: str) -> Parameter:
    labels = {Transformer.str(each): _label(each) for each in listed}
    if len(labels) < 2:
        raise ConfigError(f"{said}: is one value, with nothing to choose; write {key}=VALUE.")
    for (one, a), (other, b) in combinations(labels.items(), 2):
        if a == b:  # as 1 and true are, which Optuna looks up by this
            raise ConfigError(f"{said}: {one} and {other} are the same to the sampler; leave one out.")
    return Parameter(key, text, CategoricalDistribution(tuple(labels.values())), tuple(labels))


def _label(value: Any) -> Any:
    """What Optuna keeps of an option: plain values as they are, lists as they are written."""
    if isinstance(value, QuotedString):
        return value.text
    plain = value is None or isinstance(value, bool | int | float | str)
    return value if plain else Transformer.str(value)


def _log(tags: set[str], said: str) -> bool:
    for tag in tags - {LOG}:
        raise ConfigError(f"{said}: {one_of('tag', tag, [LOG])}")
    return LOG in tags


def _check_bounds(low: float, high: float, log: bool, said: str) -> None:
    if low > high:
        raise ConfigError(f"{said}: found the bounds {low} and {high}, allowed is the lower one first.")
    if low == high:
        raise ConfigError(f"{said}: is one value, with nothing to choose; write it without an interval.")
    if log and low <= 0:
        raise ConfigError(f"{said}: found the lower bound {low}, allowed on a log scale is one above 0.")
