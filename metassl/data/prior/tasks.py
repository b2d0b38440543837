"""The source of tasks that are synthetic tables."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator

from metassl.data.builder import Sampler
from metassl.data.named import several_of
from metassl.data.prior.columns import Wear
from metassl.data.prior.families import Family
from metassl.data.prior.tables import PriorTables, Sizes
from metassl.data.tables.sampler import TableSampler
from metassl.data.tables.spec import TableSpec, both_specs
from metassl.errors import ConfigError
from metassl.outcomes.base import Outcome
from metassl.outcomes.classification import Classification
from metassl.schema.constructor import checked
from metassl.schema.ranges import Count, Said, Several, Share, Shares, Weights, Words
from metassl.tasks.spec import TaskSpec


def _rising(pair: tuple[int, int]) -> tuple[int, int]:
    if pair[0] > pair[1]:
        raise ValueError("the first is larger")
    return pair


FromOne = Annotated[
    tuple[Count, Count], AfterValidator(_rising), Said("a pair [low, high] of whole numbers of at least 1")
]
FromTwo = Annotated[
    tuple[Several, Several],
    AfterValidator(_rising),
    Said("a pair [low, high] of whole numbers of at least 2"),
]


class Prior:
    """Makes synthetic tables without end: a learner that has met very many of them may know a new one.

    A task is a table of its own, of one of several families: a random network or trees over hidden causes
    (structural causal models), clusters, or thin curves that unlabelled rows show. Its columns may be
    useless, repeat each other, be skewed, rounded, of categories or partly missing, and classes unequal and
    partly wrong. It is encoded as a file's table is, by the rows that S and U are drawn from, and no label.

    The table of task i is a function of (seed, split, i); splits share none. Only the oracle knows its
    family, by the place among `kinds`.

    Source: the idea of Hollmann et al. 2023 (TabPFN); the families but for networks, and all numbers, are
    this project's.

    Args:
        kinds: name -> family.
        families: names of those that tables are drawn from.
        weights: how often each is drawn, in any unit; None: all alike.
        rows, width, classes: [low, high] of a table's rows, its columns before they are numbers, and classes.
        useless, grouped, repeated, categorical, missing, wrong: see metassl.data.prior.columns.Wear.
        asked: share of the rows of each class that are Q.
        columns, components: see metassl.data.tables.folder.Tables.

    Raises:
        ConfigError: a family that there is not, or one twice, or another number of weights.
    """

    outcomes: ClassVar[tuple[type[Outcome], ...]] = (Classification,)
    reduced: ClassVar[bool] = False

    @checked("dataset.source")
    def __init__(
        self,
        kinds: Mapping[str, Family],
        families: Words = ("networks", "trees", "clusters", "shapes"),
        weights: Weights | None = None,
        rows: FromTwo = (20, 300),
        width: FromOne = (1, 50),
        classes: FromTwo = (2, 10),
        useless: Share = 0.3,
        grouped: Share = 0.0,
        repeated: Share = 0.4,
        categorical: Share = 0.5,
        missing: Shares = (0.25, 0.3),
        wrong: Share = 0.05,
        asked: Share = 0.3,
        columns: Several = 20,
        components: Literal["beyond", "always"] = "beyond",
    ) -> None:
        self.kinds = dict(kinds)
        self.families = several_of("dataset.source.families", families, self.kinds)
        self.weights = [1.0] * len(self.families) if weights is None else [float(w) for w in weights]
        if len(self.weights) != len(self.families):
            raise ConfigError(
                f"dataset.source.weights: found {len(self.weights)} numbers, allowed is one for each of the "
                f"{len(self.families)} families."
            )
        self.sizes = Sizes((rows[0], rows[1]), (width[0], width[1]), (classes[0], classes[1]))
        often, most = (float(share) for share in missing)
        self.wear = Wear(useless, grouped, repeated, categorical, (often, most), wrong)
        self.asked, self.columns, self.always = asked, columns, components == "always"

    def make_ups(self, train: Mapping[str, Any], changes: Mapping[str, Any]) -> tuple[TableSpec, TableSpec]:
        """See TaskSource."""
        specs = both_specs(train, changes)
        if specs[0].self_made:
            raise ConfigError(
                "episode: found one of self-made classes (stunt), allowed with synthetic tables, which have "
                "classes, is episode=table."
            )
        return specs

    def task_spec(self, train: TableSpec, test: TableSpec, outcome: Outcome) -> TaskSpec:
        """As many places for classes as are allowed, so that a learner fits other tables, too."""
        way = max(train.classes, test.classes)
        return TaskSpec(way=way, input_shape=(self.columns,), base_classes=way, outcome=outcome)

    def sampler(self, make_up: TableSpec, seed: int, split: str, outer: bool) -> Sampler:
        """See TaskSource."""
        return TableSampler(self.tables(), make_up, make_up.classes, seed, split, outer)

    def tables(self) -> PriorTables:
        """What makes the tables."""
        numbers = [list(self.kinds).index(name) for name in self.families]
        families = [self.kinds[name] for name in self.families]
        return PriorTables(
            families, numbers, self.weights, self.sizes, self.wear, self.asked, self.columns, self.always
        )

    def items(self) -> None:
        """None: each draw brings its own."""

    def description(self) -> str:
        """Families and sizes."""
        (a, b), (c, d), (e, f) = self.sizes.rows, self.sizes.columns, self.sizes.classes
        return (
            f"synthetic tables without end ({', '.join(self.families)}; {a} to {b} rows, {c} to {d} columns, "
            f"{e} to {f} classes)"
        )
