"""What a task is made of: classes, points, rows of a table, or items that a user has rated."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from metassl.schema.ranges import (
    BelowOne,
    Count,
    NotNegative,
    Number,
    Said,
    Seed,
    Several,
    Share,
    Shares,
    Switch,
    Whole,
    Words,
)


def _rising(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] > pair[1]:
        raise ValueError("the first is larger")
    return pair


SomeWays = Annotated[
    Several | Annotated[tuple[Several, Several], AfterValidator(_rising)],
    Said("a whole number of at least 2, or a range [low, high] of such"),
]
SomeShots = Annotated[
    Count | Annotated[tuple[Count, Count], AfterValidator(_rising)],
    Said("a whole number of at least 1, or a range [low, high] of such"),
]
All = Literal["all"]
ShotsOrAll = Annotated[
    SomeShots | All,
    Said("a whole number of at least 1, a range [low, high] of such, or, between domains, all"),
]
QueriesOrAll = Annotated[Count | All, Said("a whole number of at least 1, or, between domains, all")]
Places = Literal["target", "both"]
LabelOrder = Literal["random", "fixed"]
Imbalance = Annotated[float, Field(strict=True, ge=1, le=1e6, allow_inf_nan=False)]
LabelNoise = Annotated[
    BelowOne | Annotated[tuple[BelowOne, BelowOne], AfterValidator(_rising)],
    Said("a number from 0 to below 1, or a range [low, high] of such"),
]
Corruption = Literal["none", "noise", "blur", "occlusion", "missing"]
Severity = Annotated[
    Share | Annotated[tuple[Share, Share], AfterValidator(_rising)],
    Said("a number from 0 to 1, or a range [low, high] of such"),
]
CorruptedParts = Annotated[
    Sequence[Literal["support", "unlabelled", "query"]], Said("a list of support, unlabelled and query")
]
Concentration = Annotated[float, Field(strict=True, ge=0.01, le=1e6, allow_inf_nan=False)]


class TestEpisodeKeys(BaseModel):
    """What differs at validation and meta-test; null: nothing."""

    __test__ = False  # to pytest a class of this name is a test

    way: SomeWays | None
    classes: Several | None
    shot: ShotsOrAll | None
    queries: QueriesOrAll | None
    unlabelled: Whole | None
    target_shot: Whole | None
    sources: Count | None
    unlabelled_from: Places | None
    distractors: Whole | None
    distractor_unlabelled: Whole | None
    imbalance: Imbalance | None
    dirichlet: Concentration | None
    out_of_scope: Whole | None
    class_aware: Switch | None
    transductive: Switch | None
    label_noise: LabelNoise | None
    corruption: Corruption | None
    corruption_severity: Severity | None
    corruption_parts: CorruptedParts | None
    users: Literal["new", "known"] | None
    items: Literal["known", "new", "both"] | None


class CurvesKeys(BaseModel):
    """What the points are of: the arguments of metassl.data.curves.tasks.Curves that go with an episode."""

    families: Words
    low: Number
    high: Number
    inputs: Count
    unread: Number | None
    noise: NotNegative


class SelfMadeKeys(BaseModel):
    """How tasks are made of rows without labels."""

    share: Shares
    rows: Several
    validation: Switch


class EpisodeKeys(BaseModel):
    """conf/episode: of classes, points, tables, domains and users, each of which has some of the keys."""

    way: SomeWays
    classes: Several
    shot: ShotsOrAll
    queries: QueriesOrAll
    unlabelled: Whole
    target_shot: Whole
    sources: Count
    unlabelled_from: Places
    label_order: LabelOrder
    distractors: Whole
    distractor_unlabelled: Whole
    imbalance: Imbalance
    dirichlet: Concentration | None
    out_of_scope: Whole
    class_aware: Switch
    transductive: Switch
    label_ratio: Share
    label_seed: Seed
    label_noise: LabelNoise
    corruption: Corruption
    corruption_severity: Severity
    corruption_parts: CorruptedParts
    curves: CurvesKeys
    self_made: SelfMadeKeys
    test: TestEpisodeKeys
