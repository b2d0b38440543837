"""The command that labels the rows of a table."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from metassl import MetaClassifier
from tests.data.tables.frames import frame
from tests.support.console import metassl

ROWS, KNOWN = 60, 24


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """A table of which every third row of the first ones has no label, and none of the last ones."""
    found = frame(ROWS).rename(columns={"class": "insect"})
    found.loc[(np.arange(ROWS) % 5 == 1) | (np.arange(ROWS) >= 40), "insect"] = None
    found["few"] = np.where(np.arange(ROWS) < 50, None, "x")
    found["weight"] = np.where(np.arange(ROWS) < 50, np.arange(ROWS) / 7, np.nan)
    found["one"] = np.where(np.arange(ROWS) == 7, "odd", np.where(np.arange(ROWS) < 9, "even", None))
    found["empty"] = None
    found["full"] = "yes"
    found["many"] = [f"c{k // 2}" if k < 58 else None for k in range(ROWS)]
    found["gone"] = ["a" if k < 20 else "b" if k < 40 else " " for k in range(ROWS)]
    found.to_csv(tmp_path / "my.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return found


def test_the_rows_without_a_label_get_one(table: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    before = Path("my.csv").read_bytes()
    assert metassl("label", "table=my.csv", "target=insect", "kinds={full: drop}", "folds=2") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "32 labelled rows, 11 ant, 11 cow, 10 bee; 28 without a label"
    assert "an identifier" in said[1]
    assert said[2].startswith("labelled rows, each left out once: ")
    assert said[-1] == "written to labels.csv"
    found = pd.read_csv("labels.csv")
    assert list(found) == ["row", "id", "label", "probability", "second", "second_probability"]
    asked = np.flatnonzero(table["insect"].isna())
    assert found["row"].tolist() == (asked + 1).tolist()
    assert found["id"].tolist() == table["id"].to_numpy()[asked].tolist()
    assert (found["probability"] >= found["second_probability"]).all()
    assert (found["label"] != found["second"]).all()
    rest = pd.read_csv("my.csv", na_values=["?"], skipinitialspace=True)
    y = rest.pop("insect").to_numpy(dtype=object)
    model = MetaClassifier(kinds={"full": "drop"}).fit(rest, y)
    assert model.predict(rest.iloc[asked]).tolist() == found["label"].tolist()
    truth = np.array(["ant", "bee", "cow"])[asked % 3]
    assert (found["label"] == truth).mean() > 0.5
    assert Path("my.csv").read_bytes() == before


def test_a_class_of_one_row_and_too_many_rows(
    table: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    assert metassl("label", "table=my.csv", "target=one", "to=found.csv", "max_rows=20") == 0
    shown = capsys.readouterr()
    assert "not checked, since a class has one labelled; 2" in shown.out
    assert shown.err == (
        "note: 'my.csv': found 60 rows, the model reads 20 (max_rows): 9 labelled and 11 unlabelled ones, "
        "chosen by random_state.\n"
    )
    assert len(pd.read_csv("found.csv")) == ROWS - 9
    assert metassl("label", "table=my.csv", "target=gone", "to=gone.csv", "folds=2") == 0
    assert len(pd.read_csv("gone.csv")) == 20


@pytest.mark.parametrize(("words", "line"), [
    (["target=insekt"], "target, column of 'my.csv': found 'insekt'. Did you mean 'insect'? Allowed: "),
    (["target=full"], "'my.csv', target 'full': found a label in each of 60 rows, none is to be labelled"),
    (["target=empty"], "'my.csv', target 'empty': found no row with a label"),
    (["target=few"], "'my.csv', target 'few': found one class, 'x', at least 2 classes are needed"),
    (["target=weight"], "'my.csv', target 'weight': found 50 different numbers in 50 rows, from 0 to 7, which look"),
    (["target=insect", "kinds={colur: drop}"], "kinds, column of 'my.csv': found 'colur'. Did you mean 'colour'"),
    (["target=insect", "to=my.csv"], "to: 'my.csv' is there already and is not written over"),
    (["target=insect", "to=labels.txt"], "to: found 'labels.txt', allowed is a name that ends in .csv"),
    (["target=insect", "to=no/labels.csv"], "to: found 'no/labels.csv', whose folder 'no' is not there"),
    (["target=insect", "model=nowhere"], "model, a folder of a run or of an exported one, or a name: found 'nowhere'"),
    (["target=insect", "separator='|'"], "'my.csv': found 1 column"),
    (["target=insect", "folds=1"], "folds: found 1"),
    (["target=insect", "modle=x"], "label: found 'modle'. Did you mean 'model'? Allowed: "),
    ([], "target: has no default, give it as target=diagnosis"),
], ids=lambda value: value if isinstance(value, str) else "")  # fmt: skip
def test_what_is_refused_is_said_in_a_line(
    table: pd.DataFrame, words: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert metassl("label", "table=my.csv", *words) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith(f"error: {line}")
    assert (shown.err.count("\n"), shown.out) == (1, "")
    assert "dataset.source" not in shown.err
    assert sorted(path.name for path in Path().iterdir()) == ["my.csv"]


def test_more_classes_than_are_allowed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "wide.csv"
    labels = [f"c{k % 120}" if k < 240 else None for k in range(250)]
    pd.DataFrame({"x": np.random.default_rng(0).normal(size=250), "y": labels}).to_csv(path, index=False)
    assert metassl("label", f"table={path}", "target=y") == 2
    assert (
        f"error: '{path}', target 'y': found 120 classes, allowed are up to 100." in capsys.readouterr().err
    )
