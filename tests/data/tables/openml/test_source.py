"""One data set or task of OpenML, of files that were fetched before."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from metassl.data import store
from metassl.data.class_tasks import ClassTasks
from metassl.data.tables.openml.cache import SERVER
from metassl.data.tables.openml.source import OpenML
from metassl.data.tables.tasks import TableTasks
from metassl.errors import ConfigError, DataError
from tests.data.tables.frames import frame, tasks
from tests.data.tables.openml.layout import put_data_set, put_suite, put_task, watch_network
from tests.support import console


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    return watch_network(monkeypatch)


def made(folder: Path, **options: object) -> TableTasks:
    source = OpenML(folder, **options)  # type: ignore[arg-type]
    found = source.prepared(lambda s: store.load(s, folder / "prepared", progress=False))
    assert isinstance(found, TableTasks)
    return found


def test_a_data_set_is_what_its_file_is_as_a_table(tmp_path: Path, asked: list[object]) -> None:
    table = frame()
    folder = put_data_set(tmp_path, 31, table, ignored=["id"])
    found = made(tmp_path, id=31)
    same = tasks(folder / "dataset.arff", tmp_path / "other", target="class", kinds={"id": "drop"})
    np.testing.assert_array_equal(found.items(), same.items())
    assert found.tables[0]["counts"] == same.tables[0]["counts"]
    assert found.description() == same.description().replace("as you said", "ignored by its source")
    assert "dropped same (one value), none (no value), note (free text), id (ignored" in found.description()
    assert not asked


@pytest.mark.parametrize("parquet", [False, True])
def test_columns_are_of_the_kinds_that_openml_says(tmp_path: Path, parquet: bool) -> None:
    """Of numbers that are names of categories the file alone says nothing."""
    y = np.arange(60) % 2
    table = pd.DataFrame({"code": 1 + np.arange(60) % 3, "x": y + 0.5, "who": np.arange(60), "y": 10 * y})
    kinds = {"code": "nominal", "x": "numeric", "who": "numeric", "y": "nominal"}
    options = {"kinds": kinds, "parquet": parquet, "target": "y", "row_id": "who"}
    put_data_set(tmp_path, 5, table, **options)  # type: ignore[arg-type]
    found = made(tmp_path, id=5)
    assert found.items().shape == (60, 4)
    assert found.description() == (
        "60 rows, 2 classes of 'y', 2 columns as 4 numbers (1 numeric, 1 categorical; dropped who (ignored by its source))"
    )
    known = made(tmp_path, id=5, kinds={"code": "numeric", "who": "numeric"})
    assert known.items().shape == (60, 3)


def test_a_task_says_its_target(tmp_path: Path) -> None:
    table = frame()
    put_data_set(tmp_path, 31, table, flagged=["id", "colour"])
    put_task(tmp_path, 59, 31, "colour")
    found = made(tmp_path, task=59)
    assert "4 classes of 'colour', 4 columns" in found.description()  # height, seen, width and class
    assert "id (ignored by its source)" in found.description()
    assert "3 classes of 'class'" in made(tmp_path, id=31).description()


def test_a_target_of_ones_own_choice(tmp_path: Path) -> None:
    put_data_set(tmp_path, 31, frame(), target=None)
    assert "4 classes of 'colour'" in made(tmp_path, id=31, target="colour").description()


def test_rows_of_a_large_data_set_are_drawn(tmp_path: Path) -> None:
    put_data_set(tmp_path, 31, frame(120))
    few = made(tmp_path, id=31, rows=60)
    assert few.description().startswith("60 rows drawn from 120, 3 classes")
    assert not np.array_equal(few.items(), made(tmp_path, id=31, rows=60, seed=1).items())


def test_classes_that_are_held_out(tmp_path: Path) -> None:
    put_data_set(tmp_path, 31, frame())
    source = OpenML(tmp_path, id=31, tasks="classes", ratio=(0.34, 0.33, 0.33))
    found = source.prepared(lambda s: store.load(s, tmp_path / "prepared", progress=False))
    assert isinstance(found, ClassTasks)
    assert sorted(found.contents.class_names) == ["ant", "bee", "cow"]


def test_a_run_from_end_to_end_without_a_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], asked: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    put_data_set(tmp_path, 31, frame())
    monkeypatch.setitem(sys.modules, "openml", None)  # what is there needs no library
    words = [
        "dataset=openml",
        "dataset.source.id=31",
        f"paths.data_dir={tmp_path}",
        f"paths.cache_dir={tmp_path / 'p'}",
    ]
    words += [
        "model=protonet",
        "ssl=soft_kmeans",
        "trainer.steps=2",
        "trainer.val_every=2",
        "trainer.progress=false",
    ]
    words += ["evaluation.episodes=4", "evaluation.val_episodes=2", "evaluation.twin=false"]
    assert (
        console.metassl(
            "train", *words, "evaluation.baseline_episodes=2", f"hydra.run.dir={tmp_path / 'run'}"
        )
        == 0
    )
    assert "dataset=openml: 120 rows, 3 classes of 'class'" in capsys.readouterr().out
    assert not asked


@pytest.mark.parametrize(("options", "line"), [
    ({}, "dataset.source: found none of id, task and suite, allowed is one of them, such as dataset.source.id=31."),
    ({"id": 31, "task": 59}, "dataset.source: found id and task of id, task and suite, allowed is one of them"),
    ({"task": 59, "target": "class"}, "dataset.source.target: found 'class' with dataset.source.task, which has one of its own"),
    ({"suite": 99, "target": "class"}, "dataset.source.target: found 'class' with dataset.source.suite"),
    ({"suite": 99, "tasks": "classes"}, "dataset.source.tasks: found classes with dataset.source.suite, allowed is it with a data set or a task."),
    ({"suite": 99, "kinds": {"a": "drop"}}, "dataset.source.kinds: found {'a': 'drop'} with dataset.source.suite"),
    ({"suite": "../../etc"}, "dataset.source.suite: found '../../etc', allowed is a number such as 99, or an alias"),
    ({"suite": ".."}, "dataset.source.suite: found '..', allowed is"),
    ({"suite": 0}, "dataset.source.suite: found 0"),
    ({"id": "iris"}, "dataset.source.id: found 'iris'"),
    ({"id": 31, "splits": {"test": ["iris"]}}, "dataset.source.splits: found names of data sets, which are for dataset.source.suite"),
    ({"id": 31, "ratio": (1, 1, 1)}, "dataset.source.ratio: found (1, 1, 1)"),
])  # fmt: skip
def test_keys_that_can_not_be(tmp_path: Path, options: dict[str, object], line: str) -> None:
    with pytest.raises(ConfigError) as error:
        OpenML(tmp_path, **options)  # type: ignore[arg-type]
    assert str(error.value).startswith(line)


def refused(folder: Path, **options: object) -> str:
    with pytest.raises(DataError) as error:
        made(folder, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_can_not_be_learned_from(tmp_path: Path) -> None:
    table = frame()
    put_data_set(tmp_path, 1, table, target=None)
    put_data_set(tmp_path, 2, table, target="class,colour")
    put_data_set(tmp_path, 3, table, target="kind")
    put_data_set(tmp_path, 4, table, form="Sparse_ARFF")
    put_data_set(tmp_path, 5, table, target="width")
    put_task(tmp_path, 9, 3, "height", type_id=2)
    put_task(tmp_path, 10, 3, None)
    put_suite(tmp_path, 99, [9])
    assert refused(tmp_path, id=1) == (
        "OpenML's data set 1 (made): found no target, allowed is one; of a data set dataset.source.target names it."
    )
    assert refused(tmp_path, id=2).startswith(
        "OpenML's data set 2 (made): found 2 targets (class, colour), allowed is one"
    )
    assert (
        "OpenML's data set 3 (made), target: found 'kind'. Did you mean 'id'? Allowed: class, colour"
        in refused(tmp_path, id=3)
    )
    assert "target: found 'colur'. Did you mean 'colour'?" in refused(tmp_path, id=1, target="colur")
    assert refused(tmp_path, id=4) == (
        "OpenML's data set 4 (made): found sparse rows (Sparse_ARFF), allowed are rows with all values."
    )
    assert "target 'width': found 119 different numbers in 120 rows" in refused(tmp_path, id=5)
    assert refused(tmp_path, task=9) == (
        "OpenML's task 9: found Supervised Regression, allowed is Supervised Classification."
    )
    assert refused(tmp_path, task=10).startswith("OpenML's task 10 (made): found no target, allowed is one")


def test_files_that_are_damaged(tmp_path: Path) -> None:
    folder = put_data_set(tmp_path, 31, frame())
    text = (folder / "features.xml").read_text()
    (folder / "features.xml").write_text(text[:200])
    assert refused(tmp_path, id=31).startswith(f"'{folder / 'features.xml'}' is damaged (")
    assert refused(tmp_path, id=31).endswith(f"): delete the folder '{folder}' to fetch it anew.")
    (folder / "features.xml").write_text(text.replace("<oml:name>width", "<oml:name>widht"))
    assert "found no column 'widht' in '" in refused(tmp_path, id=31)
    (folder / "features.xml").write_text(text)
    (folder / "description.xml").write_text("<a/>")
    assert "description.xml' is damaged (found no 'name')" in refused(tmp_path, id=31)
    put_task(tmp_path, 59, 31)
    file = tmp_path / "openml" / SERVER / "tasks" / "59" / "task.xml"
    file.write_text(file.read_text().replace("source_data", "sauce"))
    assert "task.xml' is damaged (found no source_data)" in refused(tmp_path, task=59)
    put_suite(tmp_path, 7, [1])
    file = tmp_path / "openml" / SERVER / "suites" / "7" / "suite.json"
    file.write_text('{"tasks": ["a"]}')
    assert "suite.json' is damaged (found no list of tasks)" in refused(tmp_path, suite=7)


def test_words_where_openml_says_numbers(tmp_path: Path) -> None:
    table = pd.DataFrame({"x": ["a", "b"] * 20, "class": ["u", "v"] * 20})
    put_data_set(tmp_path, 31, table, kinds={"x": "numeric", "class": "nominal"}, parquet=True)
    assert refused(tmp_path, id=31) == (
        "OpenML's data set 31 (made), column 'x': found words, OpenML says it is numeric."
    )
