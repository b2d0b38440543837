"""A suite of OpenML: tasks across its data sets, of files that were fetched before."""

from pathlib import Path

import numpy as np
import pytest

from metassl.data import store
from metassl.data.tables.folder import Tables
from metassl.data.tables.openml.source import OpenML
from metassl.data.tables.tasks import TableTasks
from metassl.errors import DataError
from tests.data.tables.frames import frame, sampler
from tests.data.tables.openml.layout import put_data_set, put_suite, put_task, watch_network

NAMES = ("a", "b", "c", "d")
SPLITS = {"train": ["a", "b"], "val": ["c"], "test": ["d"]}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four tasks on four data sets, in the layout of the cache, and no network."""
    watch_network(monkeypatch)
    for k, name in enumerate(NAMES):
        put_data_set(tmp_path, 10 + k, frame(60 + 30 * k, seed=k), name, ignored=["id"])
        put_task(tmp_path, 100 + k, 10 + k)
    put_suite(tmp_path, "tiny", [100, 101, 102, 103])
    return tmp_path


def made(folder: Path, suite: str = "tiny", **options: object) -> TableTasks:
    source = OpenML(folder, suite=suite, **options)  # type: ignore[arg-type]
    found = source.prepared(lambda s: store.load(s, folder / "prepared", progress=False))
    assert isinstance(found, TableTasks)
    return found


def test_a_suite_is_what_a_folder_of_its_files_is(folder: Path) -> None:
    (folder / "tables").mkdir()
    for k, name in enumerate(NAMES):
        file = folder / "openml" / "org" / "openml" / "www" / "datasets" / str(10 + k) / "dataset.arff"
        (folder / "tables" / f"{name}.arff").write_text(file.read_text())
    found = made(folder, splits=SPLITS)
    same = Tables(folder / "tables", splits=SPLITS).prepared(
        lambda s: store.load(s, folder / "other", progress=False)
    )
    assert isinstance(same, TableTasks)
    assert found.items().shape[1] == 20
    np.testing.assert_array_equal(found.items(), same.items())
    assert found.description() == same.description() == "4 tables (train: a b; val: c; test: d)"
    for split, numbers in (("train", {0, 1}), ("val", {2}), ("test", {3})):
        assert set(sampler(found, split)(range(20)).family) == numbers


def test_splits_by_ratio(folder: Path) -> None:
    found = made(folder, ratio=(0.5, 0.25, 0.25))
    assert sorted(split for t in found.tables for split in t["splits"]) == ["test", "train", "train", "val"]


def test_what_can_not_be_learned_from_is_left_out_by_name(folder: Path) -> None:
    put_task(folder, 104, 10, "height", type_id=2)
    put_task(folder, 105, 11)  # a second task on a data set would be of two splits
    put_data_set(folder, 14, frame(), "e", form="Sparse_ARFF")
    put_task(folder, 106, 14)
    put_suite(folder, "more", [104, 100, 101, 105, 102, 106, 103])
    found = made(folder, "more", splits=SPLITS)
    assert found.description() == (
        "4 tables (train: a b; val: c; test: d); left out "
        "OpenML's task 104: found Supervised Regression, allowed is Supervised Classification; "
        "OpenML's task 105: its data set 'b' is another task's already; "
        "OpenML's task 106 (e): found sparse rows (Sparse_ARFF), allowed are rows with all values"
    )
    np.testing.assert_array_equal(found.items(), made(folder, splits=SPLITS).items())


def test_a_suite_of_which_nothing_is_left(folder: Path) -> None:
    put_task(folder, 104, 10, "height", type_id=2)
    put_suite(folder, "none", [104])
    put_suite(folder, "empty", [])
    with pytest.raises(DataError) as error:
        made(folder, "none")
    assert str(error.value) == (
        "OpenML's suite none: found no data set to learn from in 1 tasks, such as OpenML's task 104: found Supervised "
        "Regression, allowed is Supervised Classification."
    )
    with pytest.raises(DataError, match="OpenML's suite empty: found no data set to learn from in 0 tasks"):
        made(folder, "empty")
    with pytest.raises(DataError, match=r"dataset.source.splits, table: found 'z'"):
        made(folder, splits={"test": ["z"]})


def test_what_is_not_there_is_not_left_out(folder: Path) -> None:
    """It may come another time; what was prepared without it would stay."""
    put_suite(folder, "gone", [100, 999])
    with pytest.raises(
        DataError,
        match=r"OpenML's task 999 is not in '.*' .tasks 100, 101, 102, 103.: dataset.source.download",
    ):
        made(folder, "gone", download=False)
    assert not list((folder / "prepared").glob("openml-*/meta.json"))
