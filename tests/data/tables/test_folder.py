"""Several tables: tasks within one, splits by file, one width."""

from pathlib import Path

import numpy as np
import pytest

from metassl.data import store
from metassl.data.tables.folder import Tables
from metassl.data.tables.tasks import TableTasks
from metassl.errors import ConfigError, DataError
from metassl.outcomes.classification import CLASSES
from tests.data.tables.frames import frame, sampler, written

SPLITS = {"train": ["a", "b"], "val": ["c"], "test": ["d"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tables").mkdir()
    for k, kind in enumerate((".csv", ".tsv", ".parquet", ".csv")):
        table = frame(60 + 30 * k, seed=k)
        written(table if k else table.drop(columns="colour"), tmp_path / "tables" / f"{'abcd'[k]}{kind}")
    (tmp_path / "tables" / "notes.md").write_text("no table")
    return tmp_path / "tables"


def made(folder: Path, **options: object) -> TableTasks:
    source = Tables(folder, **{"splits": SPLITS, "columns": 6, **options})
    return source.prepared(lambda s: store.load(s, folder.parent / "cache", progress=False))


def test_tasks_are_within_a_table_of_the_split(folder: Path) -> None:
    found = made(folder)
    assert found.description() == "4 tables (train: a b; val: c; test: d)"
    starts = np.cumsum([0, *(np.sum(t["counts"]) + t["free"] for t in found.tables)])
    for split, numbers in (("train", {0, 1}), ("val", {2}), ("test", {3})):
        draw = sampler(found, split)(range(30))
        assert set(draw.family) == numbers
        for t in range(30):
            for part in ("support", "query", "unlabelled"):
                own = getattr(draw, part)[t][getattr(draw, f"{part}_weight")[t]]
                assert (np.searchsorted(starts, own, side="right") - 1 == draw.family[t]).all()


def test_queries_are_rows_that_no_task_shows(folder: Path) -> None:
    draw = sampler(made(folder), unlabelled=90, outer=True)(range(200))
    shown = {
        r for p in ("support", "unlabelled", "outer") for r in getattr(draw, p)[getattr(draw, f"{p}_weight")]
    }
    assert shown.isdisjoint(draw.query[draw.query_weight])


def test_numbers_of_classes(folder: Path) -> None:
    found = made(folder)
    train, test = sampler(found)(range(40)), sampler(found, "test")(range(5))
    assert set(train.classes[train.class_mask]) == set(range(6))
    assert set(test.class_ids[test.class_mask]) == {9, 10, 11}
    assert (test.classes == np.arange(5)).all()
    told = found.task_spec(train_spec := sampler(found).spec, train_spec, CLASSES)
    assert (told.way, told.input_shape, told.base_classes) == (5, (6,), 6)


def test_a_table_is_encoded_as_if_it_were_alone(folder: Path) -> None:
    both, alone = made(folder), made(folder, splits={"test": ["d"]})
    np.testing.assert_array_equal(both.items()[-len(alone.items()) :], alone.items())


def test_splits_by_ratio_and_what_is_refused(folder: Path, tmp_path: Path) -> None:
    found = made(folder, splits=None, ratio=(0.5, 0.25, 0.25))
    assert sorted(len(t["splits"]) for t in found.tables) == [1, 1, 1, 1]
    with pytest.raises(ConfigError, match=r"found no table for 'val' .2 for train, 0 for val, 0 for test"):
        sampler(made(folder, splits={"train": ["a", "b"]}), "val")
    with pytest.raises(DataError, match=r"dataset.source.splits, table: found 'e'"):
        made(folder, splits={"train": ["e"]})
    with pytest.raises(ConfigError, match="found table 'a' twice"):
        made(folder, splits={"train": ["a"], "test": ["a"]})
    with pytest.raises(ConfigError, match=r"dataset.source.splits: found 'tests'"):
        made(folder, splits={"tests": ["a"]})
    with pytest.raises(DataError, match=r"dataset.source.targets, table: found 'z'"):
        made(folder, targets={"z": "class"})
    with pytest.raises(DataError, match="is not a folder"):
        made(tmp_path / "nothing")
    with pytest.raises(DataError, match=r"found no table, allowed are files that end in"):
        made(tmp_path)
    (folder / "a.tsv").write_text("x\ty\n")
    with pytest.raises(DataError, match="found two tables 'a'"):
        made(folder)
