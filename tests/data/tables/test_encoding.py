"""Columns as numbers: by hand, and without a look at what is to be asked."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

from metassl.data.tables.columns import Column
from metassl.data.tables.encoding import Encoder
from metassl.data.tables.narrowing import Narrowing
from metassl.errors import DataError
from tests.data.tables.frames import frame, tasks, written


def test_numbers_words_and_gaps_by_hand() -> None:
    seen = pd.DataFrame({"a": [1.0, 2.0, 6.0, np.nan], "b": ["x", "y", None, "x"]})
    made = Encoder(
        [Column("a", "numeric"), Column("id", "identifier"), Column("b", "categorical")], "standard", 20
    )
    made.fit(seen)
    filled = np.array([1.0, 2.0, 6.0, 2.0])
    a = (filled - filled.mean()) / filled.std()
    expected = np.stack([a, [0, 0, 0, 1], [0, 0, 1, 0], [1, 0, 0, 1], [0, 1, 0, 0]], axis=1)
    np.testing.assert_allclose(made.transform(seen), expected, atol=1e-6)
    assert made.groups == [[0, 1], [2, 3, 4]]
    new = pd.DataFrame({"a": [1e9, -3.0], "b": ["z", "y"]})
    found = made.transform(new)
    assert found[0].tolist() == [10, 0, 0, 0, 0]  # cut, and a word that was never seen
    assert found[1, 2:].tolist() == [0, 0, 1]


def test_rare_words_are_one_column() -> None:
    words = pd.DataFrame({"b": ["x"] * 9 + ["y"] * 8 + list("abcdefg")})
    made = Encoder([Column("b", "categorical")], "standard", 3).fit(words)
    assert made.transform(words).sum(0).tolist() == [9, 8, 7]


@pytest.mark.parametrize("scale", ["minmax", "quantile"])
def test_other_scales(scale: str) -> None:
    values = pd.DataFrame({"a": np.random.default_rng(0).exponential(size=200)})
    x = Encoder([Column("a", "numeric")], scale, 20).fit(values).transform(values)
    if scale == "minmax":
        assert (x.min(), x.max()) == (0, 1)
    else:
        assert np.quantile(x, [0.16, 0.5, 0.84]) == pytest.approx([-1, 0, 1], abs=0.1)


def test_an_infinite_number_is_refused() -> None:
    with pytest.raises(DataError, match="column 'a': found an infinite number"):
        Encoder([Column("a", "numeric")], "standard", 20).fit(pd.DataFrame({"a": [1.0, np.inf]}))


def test_components_are_those_of_scikit_learn_up_to_sign_and_one_scale() -> None:
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(80, 9)) @ rng.normal(size=(9, 9))).astype(np.float32)
    found = Narrowing(4).fit(x).transform(x)
    expected = PCA(4).fit_transform(x)
    scale = np.abs(found).mean() / np.abs(expected).mean()
    np.testing.assert_allclose(np.abs(found), scale * np.abs(expected), atol=1e-4)
    assert found.var(0).mean() == pytest.approx(1, abs=1e-4)


def test_narrow_rows_get_zeros_and_no_change() -> None:
    x = np.ones((3, 2), np.float32)
    assert Narrowing(4).fit(x).transform(x).tolist() == [[1, 1, 0, 0]] * 3
    assert Narrowing(None).fit(x).transform(x) is x


def items(table: pd.DataFrame, folder: Path, name: str, **options: object) -> np.ndarray:
    return tasks(written(table, folder / f"{name}.csv"), folder / "cache", **options).items()


def split_rows(table: pd.DataFrame, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of rows in the file, and the part of each, in the order of the prepared rows."""
    made = tasks(
        written(table.assign(row=np.arange(len(table)) / 7), folder / "marked.csv"), folder / "cache"
    )
    counts = np.array(made.tables[0]["counts"])
    part = np.concatenate([np.repeat(np.arange(3), row) for row in counts])
    scaled = made.items()[:, -1].astype(float)
    ranks = scaled.argsort().argsort()
    return ranks, part


@pytest.mark.parametrize("columns", [None, 3])
def test_what_is_asked_changes_no_transformer(tmp_path: Path, columns: int | None) -> None:
    """Rows of validation and test get other numbers and words: training rows are encoded to the bit as before."""
    table = frame()
    row, part = split_rows(table, tmp_path)
    away = np.isin(np.arange(len(table)), row[part > 0])
    changed = table.copy()
    changed.loc[away, "height"] = 1000.0
    changed.loc[away, "colour"] = "violet"
    changed.loc[away, "width"] = np.nan
    before, after = (
        items(t, tmp_path, name, columns=columns) for t, name in ((table, "before"), (changed, "after"))
    )
    np.testing.assert_array_equal(before[part == 0], after[part == 0])
    assert (before[part > 0] != after[part > 0]).any(1).all()


def test_the_order_of_columns_permutes_numbers_only(tmp_path: Path) -> None:
    table = frame()
    before = items(table, tmp_path, "a")
    after = items(table[["note", "class", "width", "none", "colour", "height", "id", "same", "seen"]], tmp_path, "b",
                  target="class")  # fmt: skip
    # height and whether it is missing, colour in 5, seen in 3, width -> width, colour, height, seen
    np.testing.assert_array_equal(after, before[:, [10, *range(2, 7), 0, 1, *range(7, 10)]])
    narrow = [items(t, tmp_path, n, columns=4) for t, n in ((table, "c"), (table[table.columns[::-1]], "d"))]
    np.testing.assert_allclose(narrow[0], narrow[1], atol=1e-5)
