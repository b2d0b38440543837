"""The command that compares distances on a run."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from omegaconf import DictConfig, OmegaConf, open_dict

from metassl.cli.transfer import FILE, PICTURE, compare_distances
from metassl.errors import ConfigError, UserError
from metassl.training.run import train_and_test
from tests.conftest import TINY
from tests.support.composing import composed


def config_of(folder: Path, npz: Path, *words: str) -> DictConfig:
    base = ["ssl=consistency", "dataset=arrays", f"dataset.source.path={npz}", "backbone.filters=4",
            f"paths.cache_dir={folder.parent / 'cache'}", "engine=loop", *TINY, "trainer.steps=4",
            "evaluation.checkpoint=last", f"hydra.run.dir={folder}"]  # fmt: skip
    folder.mkdir()
    config = composed(*base, *words)
    with open_dict(config):
        config.paths.output_dir = str(folder)
    return config


def test_script_on_a_run(tiny_npz: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    config = config_of(run, tiny_npz, "model=nearest_task", "model.size=3")
    train_and_test(config, run, {"model": "nearest_task", "distance": "mmd", "ssl": "consistency"}, [])
    assert compare_distances([f"run={run}", "tasks=2"]) == run / FILE
    found = json.loads((run / FILE).read_text())
    assert (found["tasks"], found["stored"], found["distance"]) == (2, 3, "mmd")
    assert list(found["distances"]) == ["mmd", "wasserstein", "labels", "random"]
    best, nearest = found["gains"]["the best"]["mean"], found["distances"]["mmd"]["nearest"]["mean"]
    assert nearest <= best
    page = (run / "transfer.html").read_text()
    assert "<td>wasserstein</td>" in page
    assert "data:image/png" in page
    printed = capsys.readouterr().out
    assert "rank correlation" in printed
    compare_distances([f"run={run}", "tasks=2", "distances=[oracle,average]", "episode.unlabelled=2"])
    found = json.loads((run / FILE).read_text())["distances"]
    assert list(found) == ["mmd", "oracle", "average"]
    assert found["average"]["correlation"]["mean"] is None
    assert "QUERY LABELS" in capsys.readouterr().out
    for words, expected in (
        (["distances=[mdm,labels]"], "distances: found 'mdm'. Did you mean 'mmd'"),
        (["distances=task2vec"], "distances: found 'task2vec'.*run with distance=task2vec"),
        (["tasks=1"], "tasks: found 1"),
        (["taks=3"], "taks"),
    ):
        with pytest.raises(ConfigError, match=expected):
            compare_distances([f"run={run}", *words])


def test_starts_are_compared_too(tiny_npz: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    train_and_test(
        config_of(run, tiny_npz, "model=starts", "start_distance=clusters"),
        run,
        {"model": "starts", "start_distance": "clusters"},
        [],
    )
    told = json.loads((run / "results.json").read_text())["findings"]["start_distance"]
    column = pq.read_table(run / "episodes.parquet", columns=["start_distance"]).column(0)
    assert told == pytest.approx(np.mean(column.to_numpy()))
    assert told > 0
    compare_distances([f"run={run}", "tasks=3"])
    found = json.loads((run / FILE).read_text())
    assert (found["stored"], found["kind"], list(found["distances"])) == (
        2,
        "starts",
        ["clusters", "fit", "random"],
    )
    assert found["gains"]["any of them"]["mean"] == pytest.approx(0, abs=1e-6)
    assert (run / PICTURE).stat().st_size > 1000
    with pytest.raises(ConfigError, match="in a run with start_distance=learned"):
        compare_distances([f"run={run}", "distances=learned"])


def test_a_run_without_a_memory_is_refused(tiny_npz: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    OmegaConf.save(config_of(run, tiny_npz, "model=maml"), run / "config.yaml", resolve=True)
    (run / "run.json").write_text('{"choices": {"model": "maml"}}')
    with pytest.raises(UserError, match="needed is nearest_task, starts"):
        compare_distances([f"run={run}"])
