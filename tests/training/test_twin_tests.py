"""A twin that is tested once gives the runs of a worker what a test of its own would."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from metassl.training import final_test
from metassl.training.run import train_and_test
from metassl.training.twin_tests import TwinTests


def test_shared_tests_change_no_number(make_config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tested: list[str] = []
    scored = final_test.scored
    monkeypatch.setattr(final_test, "scored", lambda test, name: tested.append(name) or scored(test, name))
    twins, words = (
        TwinTests(),
        ("model=protonet", "evaluation.twin=true", f"paths.twin_dir={tmp_path / 'twins'}"),
    )

    def run(name: str, shared: TwinTests | None, *more: str) -> pq.ParquetFile:
        (tmp_path / name).mkdir()
        train_and_test(make_config(*words, *more), tmp_path / name, {}, [], twins=shared)
        return pq.read_table(tmp_path / name / "episodes.parquet")

    run("first", twins, "ssl=soft_kmeans")
    shared, own = run("shared", twins, "ssl=entropy"), run("own", None, "ssl=entropy")
    assert tested == ["_twin"] * 2  # of the first, and of the last
    assert shared.equals(own)
    run("other episodes", twins, "ssl=entropy", "evaluation.seed=1")
    run("other weights", twins, "ssl=entropy", "seed=1")
    assert len(tested) == 4


@pytest.mark.parametrize(
    ("word", "weights", "again"),
    [
        ("trainer.steps=9", "a", False),  # of a training that had the same twin
        ("ssl=entropy", "a", False),  # which a twin has none of
        ("evaluation.seed=1", "a", True),
        ("episode.test.unlabelled=1", "a", True),
        ("backbone.filters=8", "a", True),
        ("trainer.steps=9", "b", True),
    ],
)
def test_another_test_or_other_weights_are_tested(
    make_config, tmp_path: Path, word: str, weights: str, again: bool
) -> None:
    for name in "ab":
        (tmp_path / name).write_text(name)
    done: list[str] = []
    twins = TwinTests()
    twins.columns(make_config("ssl=soft_kmeans"), tmp_path / "a", lambda: done.append("first") or {})
    twins.columns(
        make_config("ssl=soft_kmeans", word), tmp_path / weights, lambda: done.append("again") or {}
    )
    assert done == ["first", "again"][: 1 + again]
