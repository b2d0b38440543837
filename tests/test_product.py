"""Every model runs with every objective, in both engines where allowed; found from conf/ by itself."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from metassl.run import train_and_test
from tests.conftest import CONF

MODELS = sorted(path.stem for path in (CONF / "model").glob("*.yaml"))
OBJECTIVES = sorted(path.stem for path in (CONF / "ssl").glob("*.yaml"))
NORMS = ("batch", "support", "group", "running")
BACKBONES = sorted(path.stem for path in (CONF / "backbone").glob("*.yaml"))
DISTRACTORS = ("episode.distractors=2", "episode.distractor_unlabelled=3")


def run(config, folder: Path) -> dict:
    folder.mkdir(exist_ok=True)
    accuracy = train_and_test(config, folder, {"model": "m", "ssl": "s"}, [])
    results = json.loads((folder / "results.json").read_text())
    assert results["accuracy"]["mean"] == pytest.approx(accuracy)
    assert 0 <= accuracy <= 1
    assert pq.read_table(folder / "episodes.parquet")["accuracy"].to_pylist()
    return results


@pytest.mark.parametrize("at", ["inner", "both"])
@pytest.mark.parametrize("ssl", OBJECTIVES)
@pytest.mark.parametrize("model", MODELS)
def test_pair(make_config, tmp_path: Path, model: str, ssl: str, at: str) -> None:
    config = make_config(f"model={model}", f"ssl={ssl}", f"ssl.at={at}", *DISTRACTORS)
    results = run(config, tmp_path / "run")
    assert (results["gain"] is None) == (ssl == "none")


@pytest.mark.parametrize("at", ["test", "outer"])
@pytest.mark.parametrize("model", ["maml", "protonet"])
def test_other_places(make_config, tmp_path: Path, model: str, at: str) -> None:
    results = run(make_config(f"model={model}", "ssl=pseudo_label", f"ssl.at={at}"), tmp_path / "run")
    assert (results["gain"] is None) == (at == "outer")


@pytest.mark.parametrize("ssl", OBJECTIVES)
@pytest.mark.parametrize("model", MODELS)
def test_engines_agree(make_config, tmp_path: Path, model: str, ssl: str) -> None:
    found = []
    for engine in ("loop", "vmap"):
        words = (f"model={model}", f"ssl={ssl}", f"engine={engine}", "backbone.norm=batch", *DISTRACTORS)
        found.append(run(make_config(*words), tmp_path / engine))
    assert found[0]["loss"] == pytest.approx(found[1]["loss"], abs=1e-3)


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("norm", NORMS)
def test_backbones_and_norms(make_config, tmp_path: Path, backbone: str, norm: str) -> None:
    small = ["backbone.channels=[4,4,4,4]"] if backbone == "resnet12" else []
    words = ("model=protonet", "ssl=soft_kmeans", f"backbone={backbone}", f"backbone.norm={norm}", *small)
    results = run(make_config(*words), tmp_path / "run")
    assert results["norm"] == norm
    assert results["transductive"] == (norm == "batch")


@pytest.mark.parametrize("words", [
    ("episode.way=[2,4]", "episode.shot=[1,2]"), ("episode.transductive=true",),
    ("episode.class_aware=false",),
    ("episode.label_ratio=0.5", "episode.queries=4"), ("episode.imbalance=4",), ("episode.unlabelled=0",),
    ("episode.test.unlabelled=0",), ("episode.test.queries=7", "episode.test.way=6"),
    ("ssl.in_statistics=true", "backbone.norm=support"), ("trainer.clip=0.1", "trainer.accumulate=2"),
    ("model.test_steps=5",), ("model.inner.learned=false",), ("trainer.workers=2",),
])  # fmt: skip
def test_options(make_config, tmp_path: Path, words: tuple[str, ...]) -> None:
    run(make_config("model=maml", "ssl=soft_kmeans", *words), tmp_path / "run")


def test_bf16(make_config, tmp_path: Path) -> None:
    for model in ("maml", "protonet"):
        for ssl in OBJECTIVES:
            run(make_config(f"model={model}", f"ssl={ssl}", "trainer.precision=bf16-mixed"), tmp_path / "run")


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "experiment").glob("*.yaml")))
def test_every_experiment_runs(make_config, tmp_path: Path, tiny_npz: Path, name: str) -> None:
    """One step of each experiment file, on the tiny data set in place of its own."""
    words = ["dataset=arrays", f"dataset.source.path={tiny_npz}", "episode.label_ratio=0.5"]
    words += ["trainer.steps=1", "trainer.val_every=1", "episode.queries=3", "episode.test.queries=5"]
    run(make_config(f"experiment={name}", *words), tmp_path / "run")
