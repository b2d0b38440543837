"""The user's own texts: what is read, in which order, and one line for everything that can't be."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from metassl.data.store import load
from metassl.data.text.text_files import TextFiles
from metassl.data.text.tfidf import TfIdf
from metassl.errors import ConfigError, DataError, UserError
from tests.support.console import metassl

ROWS = [(f"{word} number {n}", label) for label, word in zip("abcde", ("ape", "bee", "cat", "dog", "emu"), strict=True)
        for n in ("one", "two", "three")]  # fmt: skip


class Lengths:
    """A text's number of letters, and whether it is of training."""

    def fingerprint(self) -> dict[str, Any]:
        return {"features": "lengths"}

    def embed(self, texts: Sequence[str], of_training: NDArray[np.bool_]) -> NDArray[np.float32]:
        return np.array(
            [[len(text), taken] for text, taken in zip(texts, of_training, strict=True)], np.float32
        )


def written(folder: Path, text: str | bytes, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def csv_of(rows: Sequence[tuple[str, str]], mark: str = ",", head: str = "text,label") -> str:
    return "\n".join([head.replace(",", mark), *(f'"{text}"{mark}{label}' for text, label in rows)]) + "\n"


def read(path: Path, **options: Any) -> Any:
    return TextFiles(path, options.pop("features", Lengths()), **options).read()


def test_rows_of_a_csv(tmp_path: Path) -> None:
    contents = load(TextFiles(written(tmp_path, csv_of(ROWS)), Lengths()), tmp_path / "cache")
    assert list(contents.class_names) == list("abcde")
    np.testing.assert_array_equal(contents.counts, [3] * 5)
    assert [len(contents.splits[split]) for split in ("train", "val", "test")] == [3, 1, 1]
    of_training = np.repeat([k in contents.splits["train"] for k in range(5)], 3)
    np.testing.assert_array_equal(contents.items[:, 1], of_training)


def test_every_way_of_writing_the_same_rows_gives_the_same(tmp_path: Path) -> None:
    """Also where rows, classes and files are in another order."""
    csv = read(written(tmp_path, csv_of(ROWS)), features=TfIdf(width=8))
    lines = "\n".join(json.dumps({"q": text, "y": label}) for text, label in reversed(ROWS))
    for n, (text, label) in enumerate(reversed(ROWS)):
        file = tmp_path / "folder" / label / f"{n:02}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"  {text}\n", encoding="utf-16")
    others = [
        read(written(tmp_path, csv_of(ROWS[::-1])), features=TfIdf(width=8)),
        read(written(tmp_path, csv_of(ROWS, "\t"), "r.tsv"), features=TfIdf(width=8)),
        read(written(tmp_path, csv_of(ROWS, ";"), "semi.csv"), features=TfIdf(width=8), delimiter=";"),
        read(written(tmp_path, "\ufeff" + csv_of(ROWS), "bom.csv"), features=TfIdf(width=8)),
        read(written(tmp_path, lines, "r.jsonl"), features=TfIdf(width=8), text_key="q", label_key="y"),
        read(tmp_path / "folder", features=TfIdf(width=8), encoding="utf-16"),
    ]
    for other in others:
        np.testing.assert_array_equal(other.items, csv.items)
        assert (list(other.class_names), other.splits) == (list(csv.class_names), csv.splits)


def test_split_folders_and_a_split_file(tmp_path: Path) -> None:
    for split, names in {"train": "ab", "val": "c", "test": "d"}.items():
        for name in names:
            (tmp_path / "t" / split / name).mkdir(parents=True)
            (tmp_path / "t" / split / name / "1.txt").write_text(name)
    assert read(tmp_path / "t").splits == {"train": [0, 1], "val": [2], "test": [3]}
    given = written(tmp_path, json.dumps({"train": ["e", "a"], "test": ["b"]}), "splits.json")
    assert read(written(tmp_path, csv_of(ROWS)), splits=given).splits == {
        "train": [4, 0],
        "val": [],
        "test": [1],
    }


LATIN = csv_of([*ROWS[:2], ("café", "a")]).encode("latin-1")


@pytest.mark.parametrize(
    ("name", "content", "options", "line"),
    [
        ("r.csv", "text,label\nhi,a\n ,b\n", {}, "line 3: 'text' is empty"),
        ("r.csv", "text,label\nhi,\n", {}, "line 2: 'label' is empty"),
        ("r.csv", "text,label\nhi,a\n\"two\nlines\",b\nhi\n", {}, "line 5: found 1 columns, the header has 2"),
        ("r.csv", "text,label\nhi,a,b\n", {}, "line 2: found 3 columns, the header has 2"),
        ("r.csv", "text,label\n\"hi,a\n", {}, "line 2: no row of a CSV"),
        ("r.csv", "tekst,label\nhi,a\n", {}, r"text_key, column of .*: found 'text'. Did you mean 'tekst'"),
        ("r.csv", "text,intent\nhi,a\n", {}, r"label_key, column of .*: found 'label'. Allowed: intent, text"),
        ("r.csv", "text,label,text\nhi,a,b\n", {}, "found 2 columns 'text', allowed is one"),
        ("r.csv", "text;label\nhi;a\n", {}, r"Did you mean dataset.source.delimiter=';'"),
        ("r.csv", "text\tlabel\nhi\ta\n", {}, r"Did you mean dataset.source.delimiter='tab'"),
        ("r.csv", "text,label\n", {}, "found no row"),
        ("r.csv", "", {}, "found 'text'"),
        ("r.csv", "text,label\nhi,a\nho,a\n", {}, "found 1 class, at least 2"),
        ("r.csv", LATIN, {}, r"line 4: found bytes that are no utf-8, give dataset.source.encoding, such as cp1252"),
        ("r.csv", csv_of(ROWS).encode("utf-16"), {}, "line 1: .* which by its first bytes is utf-16"),
        ("r.csv", b"abc", {"encoding": "utf-16"}, "found bytes that are no utf-16"),
        ("r.jsonl", '{"text": "hi", "label": "a"}\n{"text": \n', {}, "line 2: no JSON"),
        ("r.jsonl", '[1]\n', {}, "line 1: found a list, allowed is an object on each line"),
        ("r.jsonl", '{"text": "hi", "lable": "a"}', {}, "line 1, .*label_key: found 'label'. Did you mean 'lable'"),
        ("r.jsonl", '{"text": 3, "label": "a"}', {}, "line 1: found 'text' 3, allowed is a text"),
        ("r.jsonl", '{"text": "hi", "label": 1.5}', {}, "line 1: found 'label' 1.5, allowed are a word or a whole"),
        ("r.jsonl", '{"text": "hi", "label": null}', {}, "line 1: found 'label' None"),
        ("r.jsonl", "\n\n", {}, "found no row"),
        ("r.xlsx", "", {}, r"ends in '.xlsx', allowed are .csv, .tsv, .jsonl"),
    ],
)  # fmt: skip
def test_one_line_for_what_is_in_the_file(
    tmp_path: Path, name: str, content: str | bytes, options: dict, line: str
) -> None:
    path = written(tmp_path, content, name)
    with pytest.raises(DataError, match=line) as caught:
        load(TextFiles(path, Lengths(), **options), tmp_path / "cache")
    assert re.search(re.escape(str(path)), str(caught.value))
    assert not [p for p in (tmp_path / "cache").iterdir() if p.is_dir()], "nothing half-written"


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"path": ""}, "path: found nothing"), ({"path": "none.csv"}, "'none.csv' is neither a file nor a folder"),
        ({"encoding": "utf9"}, "encoding: found 'utf9'"), ({"encoding": "base64"}, "encoding: found 'base64'"),
        ({"delimiter": ",,"}, "delimiter: found ',,', allowed are one letter"),
        ({"label_key": "text"}, "label_key: found 'text', which text_key is already"),
        ({"ratio": [0, 0.5, 0.5]}, "the training split has no class"),
    ],
)  # fmt: skip
def test_one_line_for_an_option(tmp_path: Path, options: dict, line: str) -> None:
    path = written(tmp_path, csv_of(ROWS))
    with pytest.raises(UserError, match=line):
        load(TextFiles(**{"path": path, "features": Lengths(), **options}), tmp_path / "cache")


def test_an_empty_file_of_a_folder(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / "t" / name).mkdir(parents=True)
        (tmp_path / "t" / name / "1.txt").write_text("" if name == "b" else "hi")
    with pytest.raises(DataError, match=r"b/1.txt' is empty, each file needs a text"):
        read(tmp_path / "t")


def test_the_line_of_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, "text,label\nhi,a\n,b\n")
    with pytest.raises(SystemExit) as done:
        metassl("train", "dataset=text", f"dataset.source.path={path}", f"hydra.run.dir={tmp_path}/run",
                f"paths.cache_dir={tmp_path}/cache")  # fmt: skip
    assert done.value.code == 2
    assert capsys.readouterr().err == f"error: '{path}', line 3: 'text' is empty, each row needs a text.\n"


def test_bad_options_of_tfidf() -> None:
    with pytest.raises(ConfigError, match=r"features.ngrams: found \[3, 2\]"):
        TfIdf(ngrams=(3, 2))
    with pytest.raises(DataError, match="texts of training classes have nothing to count"):
        TfIdf(analyzer="word").embed(["?", "!"], np.array([True, True]))
