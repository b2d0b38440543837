"""Tasks of tables keep the sampler's promises."""

from pathlib import Path

import numpy as np
import pytest

from metassl.data import store
from metassl.data.class_tasks import ClassTasks
from metassl.data.drawing.draw import Draw
from metassl.data.tables.spec import table_spec
from metassl.data.tables.table import Table
from metassl.data.tables.tasks import TableTasks
from metassl.errors import ConfigError
from metassl.outcomes.classification import CLASSES
from tests.data.tables.frames import SPEC, frame, sampler, tasks, written

PARTS = ("support", "query", "unlabelled", "outer")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> TableTasks:
    folder = tmp_path_factory.mktemp("table")
    table = frame()
    table.loc[::10, "class"] = None
    return tasks(written(table, folder / "t.csv"), folder / "cache")


def rows(draw: Draw, part: str, t: int) -> list[int]:
    return getattr(draw, part)[t][getattr(draw, f"{part}_weight")[t]].tolist()


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_rows_of_a_task_are_different_and_labelled_rightly(made: TableTasks, split: str) -> None:
    draw = sampler(made, split, outer=True)(range(20))
    label = np.repeat(np.arange(4), [*np.array(made.tables[0]["counts"]).sum(1), made.tables[0]["free"]])
    for t in range(20):
        every = [row for part in PARTS for row in rows(draw, part, t)]
        assert len(set(every)) == len(every) == 6 + 8 + 12 + 12
        for part in PARTS:
            there = getattr(draw, f"{part}_weight")[t]
            slots = getattr(draw, f"{part}_y")[t][there]
            known = slots >= 0
            found = label[getattr(draw, part)[t][there]]
            np.testing.assert_array_equal(draw.class_ids[t][slots[known]], found[known])
            assert (found[~known] == 3).all()
            assert known.all() or part in ("unlabelled", "outer")


def test_support_and_unlabelled_are_training_rows_and_queries_are_held_out(made: TableTasks) -> None:
    counts = np.array(made.tables[0]["counts"])
    part = np.concatenate(
        [*(np.repeat(np.arange(3), row) for row in counts), np.zeros(made.tables[0]["free"])]
    )
    for split, asked in (("train", 0), ("val", 1), ("test", 2)):
        draw = sampler(made, split)(range(30))
        for name, expected in (("support", 0), ("unlabelled", 0), ("query", asked)):
            assert set(part[[r for t in range(30) for r in rows(draw, name, t)]]) == {expected}


def test_an_episode_depends_on_its_number_alone(made: TableTasks) -> None:
    together, alone = sampler(made)(range(6)), sampler(made)([4])
    for part in PARTS[:3]:
        np.testing.assert_array_equal(getattr(together, part)[4], getattr(alone, part)[0])
    assert (sampler(made)([5]).query != alone.query).any()
    assert (made.sampler(table_spec(SPEC), 1, "train", False)([4]).query != alone.query).any()


def test_support_and_queries_stay_when_u_changes(made: TableTasks) -> None:
    first = sampler(made)(range(9))
    for other in (sampler(made, unlabelled=0), sampler(made, unlabelled=90), sampler(made, outer=True)):
        draw = other(range(9))
        for part in ("support", "query"):
            np.testing.assert_array_equal(getattr(draw, part), getattr(first, part))
            np.testing.assert_array_equal(getattr(draw, f"{part}_weight"), getattr(first, f"{part}_weight"))


def test_a_small_table_gives_what_it_has(made: TableTasks) -> None:
    draw = sampler(made, shot=[1, 40], queries=200, unlabelled=200)(range(40))
    counts = np.array(made.tables[0]["counts"])[:, 0]
    for t in range(40):
        s, q, u = (len(rows(draw, part, t)) for part in PARTS[:3])
        assert s <= (counts - 1).sum()
        assert q == -(-(counts.sum() - s) // 2)
        assert s + q + u == counts.sum() + made.tables[0]["free"]
    assert len({len(rows(draw, "support", t)) for t in range(40)}) > 5


def test_fewer_classes_than_the_table_has(made: TableTasks) -> None:
    draw = sampler(made, classes=2)(range(60))
    assert draw.class_mask.shape == (60, 2)
    assert {tuple(sorted(ids)) for ids in draw.class_ids} == {(0, 1), (0, 2), (1, 2)}
    assert (draw.unlabelled_y[draw.unlabelled_weight] >= 0).all()  # rows without a class may be of the third


def test_transductive_u_is_q(made: TableTasks) -> None:
    draw = sampler(made, transductive=True)(range(3))
    np.testing.assert_array_equal(draw.unlabelled, draw.query)


def test_what_a_learner_is_told_and_what_is_refused(made: TableTasks) -> None:
    spec = table_spec(SPEC)
    told = made.task_spec(spec, spec, CLASSES)
    assert (told.way, told.input_shape, told.base_classes) == (3, made.items().shape[1:], 3)
    with pytest.raises(ConfigError, match=r"episode.classes: found none, .* episode=table and episode=stunt"):
        made.make_ups({"way": 5, "shot": 1, "queries": 5, "unlabelled": 5, "transductive": False}, {})


def test_classes_as_tasks(tmp_path: Path) -> None:
    table = frame()
    table["class"] = [f"c{k % 10}" for k in range(len(table))]
    path = written(table, tmp_path / "t.csv")
    found = Table(path, tasks="classes").prepared(lambda s: store.load(s, tmp_path / "c", progress=False))
    assert isinstance(found, ClassTasks)
    assert [len(found.contents.splits[s]) for s in ("train", "val", "test")] == [6, 2, 2]
    assert found.description().endswith("6 / 2 / 2 classes for train / val / test")
    names = [found.contents.class_names[k] for k in found.contents.splits["train"]]
    heights = table["height"][table["class"].isin(names)]
    filled = heights.fillna(heights.median())  # of training classes alone
    expected = (filled - filled.mean()) / filled.std(ddof=0)
    starts = np.cumsum(found.contents.counts) - found.contents.counts
    own = np.concatenate([np.arange(starts[k], starts[k] + 12) for k in found.contents.splits["train"]])
    np.testing.assert_allclose(np.sort(found.contents.items[own, 0]), np.sort(expected), atol=1e-5)
