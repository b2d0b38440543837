"""What columns and targets are taken for, and the line for those that can't be."""

import numpy as np
import pandas as pd
import pytest

from metassl.data.tables.columns import found_columns, summary
from metassl.data.tables.target import read_target, target_column
from metassl.errors import DataError
from tests.data.tables.frames import frame


def test_kinds_are_found() -> None:
    found = found_columns("t", frame().drop(columns="class"), {})
    assert {c.name: c.kind for c in found} == {
        "id": "identifier", "height": "numeric", "colour": "categorical", "seen": "date", "width": "numeric",
        "same": "constant", "none": "empty", "note": "text",
    }  # fmt: skip
    assert summary(found) == (
        "2 numeric, 1 categorical, 1 date; dropped id (an identifier), same (one value), none (no value), "
        "note (free text)"
    )


def test_what_is_said_wins() -> None:
    found = found_columns("t", frame()[["id", "width"]], {"id": "categorical", "width": "drop"})
    assert [c.kind for c in found] == ["categorical", "drop"]
    with pytest.raises(DataError, match=r"found 'heigt'. Did you mean 'height'\?"):
        found_columns("t", frame(), {"heigt": "numeric"})


def test_numbers_with_a_few_words_are_refused_and_can_be_settled() -> None:
    mixed = pd.DataFrame({"a": [*map(str, np.arange(60) / 7), "unknown"]})
    with pytest.raises(DataError, match=r"column 'a': found 60 numbers and 1 words such as 'unknown'"):
        found_columns("t", mixed, {})
    assert found_columns("t", mixed, {"a": "numeric"})[0].kind == "numeric"
    few = pd.DataFrame({"doors": ["2", "3", "4", "5more"] * 9})
    assert found_columns("t", few, {})[0].kind == "categorical"


def test_a_table_without_a_column_to_learn_from() -> None:
    with pytest.raises(DataError, match=r"found no column to learn from: dropped id .*same"):
        found_columns("t", frame()[["id", "same", "note"]], {})


def test_the_target_is_found() -> None:
    assert target_column("t", frame(), None) == "class"
    assert target_column("t", pd.DataFrame({"a": [1], "b": [2]}), None) == "b"
    with pytest.raises(DataError, match=r"found 'clas'. Did you mean 'class'\?"):
        target_column("t", frame(), "clas")


def test_rows_without_a_label_and_classes_that_are_too_small() -> None:
    found = read_target("t", pd.Series(["b", "a", None, "a", "b", "c"], name="y"), least=2)
    assert found.names == ["a", "b"]
    assert found.labels.tolist() == [1, 0, -1, 0, 1, -1]
    assert found.out.tolist() == [False] * 5 + [True]
    assert found.left_out == ["c"]


def test_whole_numbers_with_gaps_are_classes_by_their_usual_names() -> None:
    assert read_target("t", pd.Series([1.0, 2.0, np.nan, 2.0, 1.0], name="y"), 2).names == ["1", "2"]


WRONG = {
    "regression": (np.random.default_rng(0).normal(size=50), r"50 different numbers .* \(regression\)"),
    "counts": (np.arange(300) // 2, r"150 different numbers in 300 rows, from 0 to 149"),
    "one class": (["a"] * 9, r"found one class, 'a', at least 2"),
    "one and few": ([*"aaaaab"], r"found one class, 'a' beside 1 of fewer than 2 rows"),
    "no label": ([None] * 9, r"found no row with a label"),
    "many": (
        [f"c{k // 3}" for k in range(1500)],
        r"found 500 classes, allowed are up to 100 .*tasks=classes",
    ),
    "identifier": ([f"c{k}" for k in range(40)], r"found a class of its own for each of 40 rows"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_target_that_is_none(what: str) -> None:
    values, line = WRONG[what]
    with pytest.raises(DataError, match=line):
        read_target("t", pd.Series(values, name="y"), least=2)
