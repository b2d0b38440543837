"""The published files, each in its own form, and what is refused of them."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from metassl.data.recommendation.movielens import MovieLens
from metassl.errors import ConfigError, DataError
from tests.data.recommendation.made import (
    ITEMS,
    USERS,
    hundred_k,
    latest,
    one_m,
    tasks,
    triples,
    unpacked,
    zipped,
)

FORMS = {"latest_small": latest, "100k": hundred_k, "1m": one_m}


@pytest.mark.parametrize("edition", FORMS)
def test_ratings_are_those_of_the_files(tmp_path: Path, edition: str) -> None:
    found = tasks(zipped(FORMS[edition](), tmp_path / "ml.zip"), tmp_path / "cache")
    assert found.name == f"MovieLens {edition}"
    expected = triples(0.5 if edition == "latest_small" else 1.0)
    ratings = found.ratings
    read = zip((ratings.user + 1).tolist(), (ratings.item + 1).tolist(), ratings.value.tolist(), strict=True)
    assert list(read) == [(u, i, r if edition == "latest_small" else int(r)) for u, i, r in expected]


@pytest.mark.parametrize("edition", FORMS)
def test_a_zip_and_a_folder_are_the_same(tmp_path: Path, edition: str) -> None:
    both = [
        tasks(place, tmp_path / "cache")
        for place in (
            zipped(FORMS[edition](), tmp_path / "ml.zip"),
            unpacked(FORMS[edition](), tmp_path / "f"),
        )
    ]
    for name in ("user", "item", "value", "years"):
        np.testing.assert_array_equal(*(getattr(each.ratings, name) for each in both))
    np.testing.assert_array_equal(both[0].inputs.items, both[1].inputs.items)
    assert not list((tmp_path / "cache").glob("*/u.*"))


def test_what_is_known_of_items_and_users(tmp_path: Path) -> None:
    small = tasks(zipped(latest(), tmp_path / "s.zip"), tmp_path / "cache", tags=1, item_mean=False)
    genres, year = small.ratings.items["genres"], small.ratings.items["year"]
    assert genres[:6].tolist() == [[0, 1, 0], [1, 0, 0], [0, 1, 0], [1, 0, 1], [0, 0, 0], [1, 1, 0]]
    np.testing.assert_allclose(
        year[:7], [*([(1950 + i - 1980) / 20, 0] for i in range(1, 7)), [0, 1]], rtol=1e-6
    )
    assert small.ratings.users == {}
    assert small.inputs.blocks == [3, 2, 1]
    large = tasks(zipped(hundred_k(), tmp_path / "k.zip"), tmp_path / "cache").ratings
    assert large.items["genres"].shape == (ITEMS, 19)
    assert large.items["genres"][2].nonzero()[0].tolist() == [3, 6]
    assert {name: block.shape for name, block in large.users.items()} == {
        "age": (USERS, 1), "gender": (USERS, 2), "occupation": (USERS, 3)
    }  # fmt: skip
    assert float(large.users["age"].mean()) == pytest.approx(0, abs=1e-6)
    million = tasks(zipped(one_m(), tmp_path / "m.zip"), tmp_path / "cache").ratings
    assert million.users["age"].sum(1).tolist() == [1] * USERS
    assert million.users["occupation"].shape == (USERS, 4)


def test_tags_are_those_of_training_users(tmp_path: Path) -> None:
    """'slow' is on items 0 and 2, and counts an item once; 'odd' is the other one."""
    path = zipped(latest(), tmp_path / "s.zip")
    found = [tasks(path, tmp_path / "c", tags=2, item_mean=False, ratio=r) for r in ((1, 0, 0), (0, 0, 1))]
    block = found[0].inputs.items[:, -2:]
    assert block[:4].tolist() == [[1, 0], [0, 1], [1, 0], [0, 0]]
    assert found[1].inputs.width == found[0].inputs.width - 2


def test_files_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zipped(latest(), tmp_path / "s.zip")
    first = tasks(path, tmp_path / "cache")
    monkeypatch.setattr("metassl.data.recommendation.editions.read_lines", None)
    again = tasks(path, tmp_path / "cache", seed=1, new_items="year")
    np.testing.assert_array_equal(first.ratings.value, again.ratings.value)


RATING = "1,1,3.0,9"
HEAD = "userId,movieId,rating,timestamp"


@pytest.mark.parametrize(("lines", "words"), [
    ([HEAD, RATING, "1,2,4,9", "1,1,3.5,9"],
     "ratings.csv, line 4: found a second rating of item '1' by user '1' (the first is in line 2), allowed is one."),
    ([HEAD, RATING, "1,2,5.5,9"],
     "ratings.csv, line 3: found rating '5.5', allowed are 0.5 to 5 in steps of 0.5."),
    ([HEAD, "1,2,nan,9"], "line 2: found rating 'nan', allowed are 0.5 to 5 in steps of 0.5."),
    ([HEAD, RATING, "1,2,good,9"], "line 3: found rating 'good', allowed are 0.5 to 5 in steps of 0.5."),
    ([HEAD, RATING, "1,2,3.25,9"], "line 3: found rating '3.25', allowed are 0.5 to 5 in steps of 0.5."),
    ([HEAD, RATING, "1;2;3;9"], "line 3: found 1 columns, allowed are 4."),
    ([HEAD, RATING, '1,"2,3,9'], "line 3: not valid CSV (unexpected end of data)."),
    ([HEAD, RATING, "1,999,3,9"], "line 3: found item '999', which "),
    (["user,item,rating,time", RATING], f"line 1: found user,item,rating,time, expected {HEAD}."),
    ([HEAD], "ratings.csv: found no line, at least 1 is needed."),
])  # fmt: skip
def test_bad_lines_are_named(tmp_path: Path, lines: list[str], words: str) -> None:
    path = zipped(latest(ratings=lines), tmp_path / "s.zip")
    with pytest.raises(DataError) as error:
        tasks(path, tmp_path / "cache")
    assert words in str(error.value)
    assert "\n" not in str(error.value)
    assert not list((tmp_path / "cache").glob("movielens-*[!k]"))


def test_bad_files_are_named(tmp_path: Path) -> None:
    def line(files: dict[str, bytes], **options: object) -> str:
        path = zipped(files, tmp_path / "s.zip")
        with pytest.raises((DataError, ConfigError)) as error:
            tasks(path, tmp_path / "cache", **options)
        return str(error.value).replace(str(path), "ZIP")

    odd = {**latest(), "movies.csv": latest()["movies.csv"] + "\n61,Caf\xe9,Drama".encode("latin-1")}
    assert line(odd) == (
        "'ZIP', movies.csv, line 62: found byte 0xe9, which is not of UTF-8; allowed is that encoding."
    )
    twice = latest(movies=["movieId,title,genres", "1,A,Drama", "1,B,Drama"])
    assert line(twice) == "'ZIP', movies.csv, line 3: found item '1' a second time, allowed is each once."
    lacking = latest()
    del lacking["movies.csv"]
    assert (
        "found no MovieLens (latest_small, 100k, 1m) in 'ZIP': 'ZIP' lacks movies.csv of latest_small"
        in line(lacking)
    )
    assert "found no MovieLens (100k) in 'ZIP': 100k: u.data u.item u.user." in line(latest(), edition="100k")
    strange = {**hundred_k(), "u.user": b"1|20|M|artist|0"}
    assert "u.data, line" in line(strange)
    assert "found user '2', of whom nothing is known." in line(strange)
    assert line({**hundred_k(), "u.user": b"1|old|M|artist|0"}).endswith("found 'old', allowed is a number.")


def test_a_truncated_zip_is_named(tmp_path: Path) -> None:
    path = zipped(latest(), tmp_path / "s.zip")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match=r"s.zip' is truncated or corrupt: File is not a zip file\.$"):
        tasks(path, tmp_path / "cache")


def test_no_path_and_another_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"doesn't exist, give a folder with MovieLens' files or its zip"):
        tasks(tmp_path / "nowhere", tmp_path / "cache")
    (tmp_path / "a.csv").write_text("x")
    with pytest.raises(DataError, match=r"is a file, allowed are a folder and a \.zip"):
        tasks(tmp_path / "a.csv", tmp_path / "cache")


def test_several_editions_in_a_folder_want_a_word(tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    zipped(latest(), tmp_path / "all" / "a.zip")
    unpacked(one_m(), tmp_path / "all" / "ml-1m")
    with pytest.raises(DataError, match=r"dataset.source.edition: found 1m, latest_small in .* say which"):
        tasks(tmp_path / "all", tmp_path / "cache")
    assert tasks(tmp_path / "all", tmp_path / "cache", edition="1m").name == "MovieLens 1m"


def test_options_that_can_t_be() -> None:
    with pytest.raises(ConfigError, match=r"dataset.source.edition: found '10m'"):
        MovieLens("x", edition="10m")
    with pytest.raises(ConfigError, match=r"dataset.source.ratio"):
        MovieLens("x", ratio=(0.5, 0.1, 0.1))


def test_an_encrypted_or_foreign_zip_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with pytest.raises(
        DataError, match=r"latest_small: ratings.csv movies.csv; 100k: u.data u.item u.user; 1m: "
    ):
        tasks(tmp_path / "x.zip", tmp_path / "cache")
