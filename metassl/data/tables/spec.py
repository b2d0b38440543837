"""What an episode of a table looks like, checked once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from metassl.data.low_quality.quality import CLEAN, Quality, take_quality
from metassl.data.spec import Range, refuse_all, to_range
from metassl.errors import ConfigError
from metassl.schema.check import check_group
from metassl.schema.groups.episode import EpisodeKeys


@dataclass(frozen=True)
class SelfMade:
    """How a task is made of rows without labels; see metassl.data.tables.self_made.

    Attributes:
        share: [low, high] of the columns that make the classes.
        rows: of the table that are clustered, at most.
        validation: validation tasks are made so, too, and no label of theirs is looked at.
    """

    share: tuple[float, float]
    rows: int
    validation: bool


@dataclass(frozen=True)
class TableSpec:
    """The make-up of an episode of a table.

    Attributes:
        classes: N at most; a table with more gives as many of them, one with fewer all that it has.
        shot: labelled rows a class, fixed or a range drawn anew for each episode; a class of fewer rows gives
            what it has.
        queries: Q in all, at most, as the classes come in the table.
        unlabelled: U in all, at most, likewise.
        transductive: U is Q without its labels.
        self_made: how training tasks are made without labels; None: they have the table's own.
        quality: what is wrong with labels and rows.
    """

    classes: int
    shot: Range
    queries: int
    unlabelled: int
    transductive: bool
    self_made: SelfMade | None = None
    quality: Quality = CLEAN

    def described(self) -> dict[str, Any]:
        """See MakeUp."""
        return {
            "most_classes": self.classes,
            "shot": self.shot.plain,
            "queries": self.queries,
            "unlabelled": "queries" if self.transductive else self.unlabelled,
            **self.quality.described(),
        }

    def sentence(self) -> str:
        """For people."""
        made = self.described()
        return (
            f"up to {self.classes} classes, {made['shot']}-shot, up to {made['unlabelled']} unlabelled rows "
            f"and {self.queries} queries in all{self.quality.sentence()}"
        )


def table_spec(values: Mapping[str, Any], prefix: str = "episode") -> TableSpec:
    """A TableSpec from plain config values; ConfigError names the key that is wrong."""
    made = check_group(EpisodeKeys, prefix, values)
    if "classes" not in made:
        raise ConfigError(
            f"{prefix}.classes: found none, as in an episode of classes (standard) or points; allowed for "
            "tasks within a table are episode=table and episode=stunt."
        )
    refuse_all(prefix, made)
    own = made.get("self_made")
    return TableSpec(
        made["classes"],
        to_range(made["shot"]),
        made["queries"],
        made["unlabelled"],
        made["transductive"],
        None if own is None else SelfMade(tuple(own["share"]), own["rows"], own["validation"]),
        take_quality(made),
    )


def both_specs(train: Mapping[str, Any], changes: Mapping[str, Any]) -> tuple[TableSpec, TableSpec]:
    """Of training, and of validation and test."""
    return table_spec(train), table_spec({**train, **changes}, "episode.test")


def with_labels(spec: TableSpec) -> TableSpec:
    """The same of a table's own classes."""
    return replace(spec, self_made=None)
