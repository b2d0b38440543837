"""What was swept: the things that vary over the groups of a report, with their values in order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import isfinite

from metassl.errors import printable
from metassl.reports.sweeps.seed_groups import SeedGroup


@dataclass(frozen=True)
class Axis:
    """One thing that varies.

    Attributes:
        key: 'model', 'ssl', or the key of an override.
        values: as text; numbers ascending, names in the order of their first job.
        numbers: the same as numbers, where all are.
    """

    key: str
    values: tuple[str, ...]
    numbers: tuple[float, ...] | None

    def of(self, group: SeedGroup) -> str:
        """The group's value."""
        return value(group, self.key)

    def number(self, group: SeedGroup) -> float:
        """The group's value as a number. Raises ValueError where the axis has none."""
        return float(self.of(group))


def swept(groups: Sequence[SeedGroup]) -> list[Axis]:
    """The things that vary, models and objectives first."""
    keys = ["model", "ssl", *(key for key, _ in (groups[0].extra if groups else ()))]
    axes = [_axis(key, dict.fromkeys(value(group, key) for group in groups)) for key in keys]
    return [axis for axis in axes if len(axis.values) > 1]


def value(group: SeedGroup, key: str) -> str:
    """What a group has of a thing that may vary."""
    return {"model": group.model, "ssl": group.ssl, **dict(group.extra)}[key]


def sides(axes: Sequence[Axis]) -> tuple[Sequence[Axis], Axis]:
    """What the rows and the columns of a map are, of two or more things that vary.

    Of two it is these; a number goes along. Of more the objective goes along, or the last.
    """
    if len(axes) == 2:
        first, second = axes
        return ([second], first) if first.numbers and not second.numbers else ([first], second)
    along = next((axis for axis in axes if axis.key == "ssl"), axes[-1])
    return [axis for axis in axes if axis is not along], along


def row_name(axes: Sequence[Axis]) -> Callable[[SeedGroup], str]:
    """Names a group's row: a line each; a value alone where the rows are values of one thing."""
    return partial(_row_name, axes)


def _row_name(axes: Sequence[Axis], group: SeedGroup) -> str:
    bare = len(axes) == 1
    named = ("model", "ssl")
    return "\n".join(
        printable(axis.of(group) if bare or axis.key in named else f"{axis.key}={axis.of(group)}")
        for axis in axes
    )


def _axis(key: str, values: dict[str, None]) -> Axis:
    try:
        numbers = {float(text): text for text in values}
    except ValueError:
        return Axis(key, tuple(values), None)
    if len(numbers) < len(values) or not all(map(isfinite, numbers)):  # 1 and 1.0 are two texts
        return Axis(key, tuple(values), None)
    order = sorted(numbers)
    return Axis(key, tuple(numbers[number] for number in order), tuple(order))
