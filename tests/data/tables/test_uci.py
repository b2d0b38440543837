"""The tables of UCI: which are for what, and what is said where they are not there."""

from pathlib import Path

import pytest

from metassl.data import store
from metassl.data.tables.tasks import TableTasks
from metassl.data.tables.uci import TABLES, UCI
from metassl.errors import DataError
from tests.data.tables.frames import frame, sampler, written


def made(data: Path, cache: Path) -> TableTasks:
    return UCI(data).prepared(lambda source: store.load(source, cache, progress=False))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Small tables by the names of the real ones."""
    (tmp_path / "uci").mkdir()
    for k, name in enumerate(sorted(name for names in TABLES.values() for name in names)):
        written(frame(36, seed=k), tmp_path / "uci" / f"{name}.csv")
    return tmp_path


def test_the_division_is_every_third_table_by_name(data: Path, tmp_path: Path) -> None:
    names = sorted(name for each in TABLES.values() for name in each)
    assert sorted((*TABLES["train"], *TABLES["val"])) == names[::3]
    found = made(data, tmp_path / "cache")
    for split, own in TABLES.items():
        drawn = sampler(found, split)(range(200)).family
        assert {found.tables[k]["name"] for k in drawn} == set(own)


def test_folders_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"paths.data_dir: found no folder '.*uci', put 30 tables .*dataset=tables"
    ):
        made(tmp_path, tmp_path / "cache")


def test_a_table_that_is_not_there_is_named(data: Path, tmp_path: Path) -> None:
    (data / "uci" / "zoo.csv").unlink()
    with pytest.raises(DataError, match="zoo"):
        made(data, tmp_path / "cache")
