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
