"""scikit-learn's tables, and a run on one from end to end."""

from pathlib import Path

import numpy as np
import pytest
from sklearn import datasets

from metassl.data import store
from metassl.data.tables.table import BundledTable
from metassl.errors import ConfigError
from tests.data.tables.frames import sampler
from tests.support import console


@pytest.mark.parametrize(("name", "rows", "classes"), [
    ("iris", 150, 3), ("wine", 178, 3), ("breast_cancer", 569, 2), ("digits", 1797, 10),
])  # fmt: skip
def test_tables_of_scikit_learn(tmp_path: Path, name: str, rows: int, classes: int) -> None:
    made = BundledTable(name).prepared(lambda s: store.load(s, tmp_path, progress=False))
    assert len(made.items()) == rows
    assert made.description().startswith(f"{rows} rows, {classes} classes of 'class'")
    draw = sampler(made, "test", classes=10)(range(3))
    assert draw.class_mask.shape == (3, classes)


def test_values_are_theirs(tmp_path: Path) -> None:
    made = BundledTable("iris", ratio=(1, 0, 0)).prepared(lambda s: store.load(s, tmp_path, progress=False))
    x, y = datasets.load_iris(return_X_y=True)
    expected = ((x - x.mean(0)) / x.std(0))[np.argsort(y, kind="stable")]
    np.testing.assert_allclose(made.items(), expected, atol=1e-5)


def test_no_such_table() -> None:
    with pytest.raises(ConfigError, match=r"dataset.source.name: found 'irs'. Did you mean 'iris'\?"):
        BundledTable("irs")


def test_a_run_from_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["dataset=sklearn", "model=protonet", "ssl=soft_kmeans", "trainer.steps=2", "trainer.val_every=2"]
    words += ["evaluation.episodes=4", "evaluation.val_episodes=2", "evaluation.twin=false"]
    words += ["evaluation.baseline_episodes=2", f"paths.cache_dir={tmp_path}", "trainer.progress=false"]
    assert console.metassl("train", *words, f"hydra.run.dir={tmp_path / 'run'}") == 0
    said = capsys.readouterr().out
    assert "150 rows, 3 classes of 'class', 4 columns as 4 numbers (4 numeric)" in said
    assert "up to 10 classes, 1-shot, up to 80 unlabelled rows and 30 queries in all" in said
