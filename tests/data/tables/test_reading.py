"""Files of every kind give the same table, and what is no table ends in one line."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from metassl.data.tables.reading import Reading, read_frame
from metassl.errors import ConfigError, DataError
from tests.data.tables.frames import frame, tasks, written

KINDS = (".csv", ".tsv", ".parquet", ".xlsx", ".arff")


def test_files_of_every_kind_give_the_same_arrays(tmp_path: Path) -> None:
    made = {kind: tasks(written(frame(), tmp_path / f"t{kind}"), tmp_path / "cache") for kind in KINDS}
    first = made[".csv"]
    for kind, each in made.items():
        np.testing.assert_array_equal(each.items(), first.items(), err_msg=kind)
        assert each.description() == first.description()
        assert list(each.contents.class_names) == list(first.contents.class_names)


@pytest.mark.parametrize("sep", [",", ";", "\t", "|"])
def test_what_separates_fields_is_found(tmp_path: Path, sep: str) -> None:
    path = tmp_path / "t.csv"
    frame().to_csv(path, index=False, sep=sep)
    pd.testing.assert_frame_equal(
        read_frame(path, Reading()), read_frame(written(frame(), tmp_path / "u.csv"), Reading())
    )


def test_decimal_commas_and_bytes_of_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("größe;class\n1,5;a\n2,25;b\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"byte 2, which is not utf-8-sig; say what it is, such as .*latin-1"):
        read_frame(path, Reading())
    found = read_frame(path, Reading(encoding="latin-1"))
    assert found["größe"].tolist() == [1.5, 2.25]
    with pytest.raises(ConfigError, match=r"dataset.source.encoding: found 'latin-one'"):
        read_frame(path, Reading(encoding="latin-one"))


WRONG = {
    "a,b,class\n1,2,x\n3,4\n": r"line 3: found 2 fields, allowed are the 3 of the first line",
    "a,b,class\n1,2,x\n3,4,5,y\n": r"line 3: found 4 fields",
    'a,b,class\n"1\n",2,x\n3,4\n': r"line 4: found 2 fields",
    "a,a,class\n1,2,x\n": r"found the column 'a' twice",
    "a b class\n1 2 x\n": r"found 1 column \(separated by none of , ; tab \|\), at least 2 are needed",
    "1,2,3\n4,5,6\n": r"found numbers in its first line, allowed is a line of column names",
    "a,class\n": r"found no row",
    "": r"found 0 column",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_csv_that_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=WRONG[text]) as caught:
        read_frame(path, Reading())
    assert "t.csv" in str(caught.value)


HEAD = "@relation r\n@attribute 'a b' numeric\n@attribute c { 'x y', z}\n@data\n"
WRONG_ARFF = {
    HEAD + "1,z\n2\n": r"line 6: found 1 fields, allowed are 2",
    HEAD + "one,z\n": r"line 5: found 'one' in column 'a b', declared are numbers",
    HEAD + "1,w\n": r"line 5: found 'w' in column 'c', declared are x y, z",
    HEAD + "{0 1, 1 z}\n": r"line 5: found a sparse row",
    "@attribute a relational\n@data\n": r"line 1: found type 'relational'",
    "a,b\n1,2\n": r"line 1: found 'a,b', allowed before @data is @attribute",
}


@pytest.mark.parametrize("text", WRONG_ARFF)
def test_an_arff_that_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.arff"
    path.write_text(text)
    with pytest.raises(DataError, match=WRONG_ARFF[text]):
        read_frame(path, Reading())


def test_arff_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "t.arff"
    path.write_text(HEAD.replace("{ 'x y', z}", "{'x y', z, \"it's\"}") + "% a note\n1.5, 'x y'\n?,z\n")
    found = read_frame(path, Reading())
    assert list(found.columns) == ["a b", "c"]
    assert found["c"].tolist() == ["x y", "z"]
    assert found["a b"].isna().tolist() == [False, True]


@pytest.mark.parametrize("kind", [".parquet", ".xlsx"])
def test_broken_files_of_other_kinds(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"t{kind}"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(DataError, match=f"t{kind}' can't be read as"):
        read_frame(path, Reading())


def test_no_file_and_no_known_ending(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a file"):
        read_frame(tmp_path / "t.csv", Reading())
    (tmp_path / "t.dat").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"found '.dat'.*Allowed: .arff, .csv"):
        read_frame(tmp_path / "t.dat", Reading())
