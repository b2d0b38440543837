"""Which runs a sweep has, and how an unfinished one goes on."""

import json
from pathlib import Path

from metassl.experiments.planned_runs import PlannedRun, every_pair, is_done, prepare_folder


def test_seeds_come_one_after_the_other() -> None:
    runs = every_pair(["a", "b"], ["x", "y"], [3, 4], ["k=v"])
    assert [run.name for run in runs[:5]] == ["a-x-3", "a-y-3", "b-x-3", "b-y-3", "a-x-4"]
    assert runs[4].words == ("model=a", "ssl=x", "seed=4", "k=v")


def test_an_unfinished_run_is_cleared_or_gone_on_with(tmp_path: Path) -> None:
    run, place = PlannedRun("c", ("a=b",)), tmp_path / "c"
    assert prepare_folder(run, tmp_path) is None
    (place / "status.json").write_text("{}")
    (place / "metrics.csv").write_text("half")
    (place / "run.json").write_text(json.dumps({"overrides": ["a=b"]}))
    assert not is_done(run, tmp_path)
    assert prepare_folder(run, tmp_path) is None
    assert not (place / "metrics.csv").exists()
    (place / "checkpoints").mkdir()
    (place / "checkpoints" / "last.ckpt").write_bytes(b"")
    assert prepare_folder(run, tmp_path) == place
