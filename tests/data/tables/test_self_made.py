"""STUNT: classes by some columns, which then say nothing, and to be told by the others."""

import numpy as np
import pandas as pd
import pytest

from metassl.data.tables.part import Part
from metassl.data.tables.self_made import SelfMadeTables, clustered
from metassl.data.tables.spec import SelfMade, table_spec
from metassl.data.tables.tasks import TableTasks
from tests.data.tables.frames import SPEC, frame, sampler, tasks, written

OWN = {"share": [0.3, 0.5], "rows": 90, "validation": True}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> TableTasks:
    folder = tmp_path_factory.mktemp("table")
    return tasks(written(frame(), folder / "t.csv"), folder / "cache")


def test_labels_play_no_part() -> None:
    """The same rows in one class, in two and without a class make the same tables."""
    x, rows, none = (
        np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32),
        np.arange(40),
        np.arange(0),
    )
    groups = [[0], [1], [2]]
    parts = [
        Part("t", seen, None, free, groups=groups)
        for seen, free in (([rows], none), ([rows[:7], rows[7:]], none), ([], rows), ([rows[:9]], rows[9:]))
    ]
    spec = table_spec({**SPEC, "self_made": OWN})
    drawn = [SelfMadeTables([part], [0], x, spec)(np.random.default_rng) for part in parts]
    for each in drawn[1:]:
        np.testing.assert_array_equal(each.items, drawn[0].items)
        assert [rows.tolist() for rows in each.part.seen] == [rows.tolist() for rows in drawn[0].part.seen]


@pytest.mark.parametrize(("split", "own"), [("train", True), ("val", True), ("test", False)])
def test_which_tasks_are_self_made(made: TableTasks, split: str, own: bool) -> None:
    draw = sampler(made, split, self_made=OWN)(range(4))
    assert (draw.items is not None) == own
    labelled = sampler(made, "val", self_made={**OWN, "validation": False})(range(4))
    assert labelled.items is None


def test_an_episode_depends_on_its_number_alone(made: TableTasks) -> None:
    together, alone = sampler(made, self_made=OWN)(range(4)), sampler(made, self_made=OWN)([3])
    for part in ("support", "query", "unlabelled"):
        there = getattr(alone, f"{part}_weight")[0]
        np.testing.assert_array_equal(getattr(together, f"{part}_y")[3], getattr(alone, f"{part}_y")[0])
        np.testing.assert_array_equal(
            together.items[getattr(together, part)[3][there]], alone.items[getattr(alone, part)[0][there]]
        )


def test_chosen_columns_make_the_classes_and_are_then_shuffled_whole() -> None:
    """Three columns of two numbers each; every pair of numbers is one that some row had."""
    rng = np.random.default_rng(0)
    y = rng.integers(4, size=200)
    x = np.repeat(np.stack([y, y, y], axis=1), 2, axis=1) * 10 + rng.normal(size=(200, 6))
    x[:, 1::2] = x[:, ::2] + 100
    spec = table_spec({**SPEC, "classes": 4, "self_made": {**OWN, "share": [0.4, 0.4], "rows": 200}})
    part = Part("t", [np.arange(200)], None, np.zeros(0, np.int64), groups=[[0, 1], [2, 3], [4, 5]])
    tables = SelfMadeTables([part], [7], x.astype(np.float32), spec)
    drawn = tables(lambda lane: np.random.default_rng(lane))
    assert drawn.number == 7
    np.testing.assert_allclose(drawn.items[:, 1::2] - drawn.items[:, ::2], 100, atol=1e-4)
    changed = [g for g in range(3) if (drawn.items[:, 2 * g] != x[:, 2 * g].astype(np.float32)).any()]
    assert len(changed) == 1
    np.testing.assert_array_equal(np.sort(drawn.items, axis=0), np.sort(x.astype(np.float32), axis=0))
    for rows in drawn.part.seen:  # clusters are the true classes, which the other columns still tell
        assert len(set(y[rows])) == 1


def test_clusters_of_a_column_with_few_values() -> None:
    found = clustered(np.array([[0.0], [1.0], [0.0], [1.0], [1.0]], np.float32), 4, np.random.default_rng(0))
    assert sorted(map(tuple, found)) == [(0, 2), (1, 3, 4)]


def test_columns_of_one_value_give_a_task_all_the_same() -> None:
    spec = table_spec({**SPEC, "self_made": OWN})
    assert isinstance(spec.self_made, SelfMade)
    part = Part("t", [np.arange(20)], None, np.zeros(0, np.int64), groups=[[0]])
    drawn = SelfMadeTables([part], [0], np.zeros((20, 1), np.float32), spec)(np.random.default_rng)
    assert len(drawn.part.seen) == 2
    assert pd.Series(np.concatenate(drawn.part.seen)).is_unique
