"""CLINC150 and BANKING77: from small files of their form, and as published where they are."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metassl.data.class_splits import published
from metassl.data.class_tasks import ClassTasks
from metassl.data.drawing.draw import Draw
from metassl.data.text import banking77, clinc150
from metassl.data.text.banking77 import Banking77
from metassl.data.text.clinc150 import Clinc150
from metassl.errors import ConfigError, UserError
from tests.data.test_sampler import spec
from tests.data.text.test_text_files import Lengths

DOMAINS = {f"d{k}": [f"i{k}{j}" for j in range(3)] for k in range(4)}
HELD = {"val": ["d1"], "test": ["d2"]}


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The form of CLINC150 with 12 intents of 20 queries."""
    monkeypatch.setattr(clinc150, "INTENTS", 12)
    monkeypatch.setattr(clinc150, "QUERIES", 20)
    rows = [
        [f"{intent} says {n}", intent]
        for intents in DOMAINS.values()
        for intent in intents
        for n in range(20)
    ]
    parts = {"train": rows[::2], "val": rows[1::4], "test": rows[3::4]}
    for split in ("train", "val", "test"):
        parts[f"oos_{split}"] = [[f"nothing of {split} {n}", "oos"] for n in range(9)]
    (tmp_path / "clinc150").mkdir()
    (tmp_path / "clinc150" / "data_full.json").write_text(json.dumps(parts))
    (tmp_path / "clinc150" / "domains.json").write_text(json.dumps(DOMAINS))
    return tmp_path


def tasks(data_dir: Path, **changes: Any) -> ClassTasks:
    return ClassTasks(Clinc150(data_dir, Lengths(), **HELD, **changes).read())


def draw(data_dir: Path, split: str = "test", outer: bool = False, **changes: Any) -> Draw:
    base = {"way": 3, "shot": 1, "queries": 2, "distractors": 0, "unlabelled": 4}
    return tasks(data_dir).sampler(spec(**{**base, **changes}), 0, split, outer)(range(50))


def test_whole_domains_are_held_out(small: Path) -> None:
    contents = tasks(small).contents
    names = {
        split: {contents.class_names[k][:2] for k in contents.splits[split]}
        for split in ("train", "val", "test")
    }
    assert names == {"train": {"i0", "i3"}, "val": {"i1"}, "test": {"i2"}}
    np.testing.assert_array_equal(contents.counts, [20] * 12 + [9] * 3)
    np.testing.assert_array_equal(contents.items[:, 1], np.repeat([1, 0, 0, 1, 0], [60, 60, 60, 60, 27]))


@pytest.mark.parametrize("outer", [False, True])
def test_what_is_out_of_scope_joins_u_alone(small: Path, outer: bool) -> None:
    plain, mixed = (draw(small, outer=outer, out_of_scope=n) for n in (0, 3))
    for name in ("support", "support_y", "query", "query_y", "class_ids"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(mixed, name))
    np.testing.assert_array_equal(
        np.sort(plain.unlabelled, 1), np.sort(mixed.unlabelled[~mixed.distractor].reshape(50, -1), 1)
    )
    foreign = mixed.unlabelled[mixed.distractor].reshape(50, 3)
    assert set(foreign.ravel()) <= set(range(12 * 20 + 18, 12 * 20 + 27)), "those of the test split"
    assert all(len(set(row)) == 3 for row in foreign)
    assert (mixed.unlabelled_y[mixed.distractor] == -1).all()
    assert mixed.unlabelled_weight.all()
    assert mixed.distractor.any(0).all(), "at any place"
    if outer:
        both = np.concatenate((mixed.unlabelled, mixed.outer), 1)
        assert all(len(set(row)) == both.shape[1] for row in both)
        assert ((mixed.outer_y < 0).sum(1) == 3).all()


def test_the_same_however_many_are_drawn_at_once(small: Path) -> None:
    sampler = tasks(small).sampler(
        spec(way=3, shot=1, queries=2, distractors=0, out_of_scope=2), 0, "val", False
    )
    np.testing.assert_array_equal(sampler(range(5)).unlabelled[3], sampler([3]).unlabelled[0])


def test_u_may_be_of_nothing_else_and_queries_have_none(small: Path) -> None:
    assert draw(small, unlabelled=0, out_of_scope=4).distractor.all()
    assert not draw(small, transductive=True, out_of_scope=4).distractor.any()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda c: (c / "data_full.json").unlink(), "data_full.json' doesn't exist and download is false: get https"),
        (lambda c: (c / "data_full.json").write_text("{"), "data_full.json: not valid JSON"),
        (lambda c: (c / "data_full.json").write_text('{"train": []}'), "no list of \\[text, intent\\] in 'val'"),
        (lambda c: (c / "domains.json").write_text('{"d0": "x"}'), "domains.json'.*as published"),
        (lambda c: (c / "domains.json").write_text(json.dumps({k: DOMAINS[k] for k in ("d0", "d1", "d2")})), "found 'i30', which is in no domain"),
        (lambda c: (c / "data_full.json").write_text((c / "data_full.json").read_text().replace('["i00 says 0", "i00"],', "")), "found 12 intents of 239 queries"),
    ],
)  # fmt: skip
def test_other_files_are_refused(small: Path, change: Any, line: str) -> None:
    change(small / "clinc150")
    with pytest.raises(UserError, match=line):
        Clinc150(small, Lengths(), **HELD, download=False).read()


def test_options_that_can_t_be(small: Path) -> None:
    with pytest.raises(ConfigError, match=r"test: found 'd9'. Did you mean 'd"):
        Clinc150(small, Lengths(), val=["d1"], test=["d9"]).read()
    with pytest.raises(ConfigError, match=r"test: found 'd1', which dataset.source.val has already"):
        Clinc150(small, Lengths(), val=["d1"], test=["d1"])
    with pytest.raises(ConfigError, match="out_of_scope: needs 10 inputs of no class, split 'test' has 9"):
        draw(small, out_of_scope=10)


@pytest.mark.parametrize("which", [1, 2, 3, 4, 5])
def test_intents_are_split_as_published(which: int) -> None:
    split = published(f"banking77_{which}")
    assert [len(split[name]) for name in ("train", "val", "test")] == [25, 25, 27]
    assert len({intent for names in split.values() for intent in names}) == banking77.INTENTS


def test_real_clinc150(real_data: Path) -> None:
    contents = Clinc150(real_data, Lengths(), download=False).read()
    assert [len(contents.splits[split]) for split in ("train", "val", "test")] == [75, 30, 45]
    np.testing.assert_array_equal(contents.counts, [150] * 150 + [100, 100, 1000])


def test_real_banking77(real_data: Path) -> None:
    contents = Banking77(real_data, Lengths(), download=False).read()
    assert contents.counts.sum() == banking77.QUERIES
    assert [len(contents.splits[split]) for split in ("train", "val", "test")] == [25, 25, 27]
    assert "reverted_card_payment?" in {contents.class_names[k] for k in contents.splits["val"]}


def test_other_data_have_nothing_out_of_scope(tmp_path: Path) -> None:
    names = [name for split in published("banking77_1").values() for name in split]
    (tmp_path / "banking77").mkdir()
    for file in banking77.MD5:
        rows = [f"hello {n},{name}" for name in names for n in range(20 if file == "train.csv" else 1)]
        (tmp_path / "banking77" / file).write_text("\n".join(["text,category", *rows]) + "\n")
    source = Banking77(tmp_path, Lengths(), download=False)
    with pytest.raises(UserError, match="found 77 intents of 1617 queries, expected the published files"):
        source.read()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(banking77, "QUERIES", 1617)
        tasks = ClassTasks(source.read())
    with pytest.raises(
        ConfigError, match=re.escape("episode.out_of_scope: found 5, allowed is 0 of this dataset")
    ):
        tasks.sampler(spec(out_of_scope=5, distractors=0), 0, "train", False)
