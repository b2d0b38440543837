"""A finished run is tested again: the same numbers without changes, other episodes with, slips in one line."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from omegaconf import OmegaConf, open_dict

from metassl.cli.evaluate import evaluate_run
from metassl.errors import ConfigError, UserError
from metassl.runs.file_names import CONFIG
from metassl.trained.build import build_learner
from metassl.training.build import build_source, build_task_spec, build_test_stream
from metassl.training.run import train_and_test
from tests.conftest import TINY
from tests.support.composing import composed

CHOICES = {"model": "maml", "ssl": "consistency", "dataset": "arrays"}


@pytest.fixture(scope="module")
def trained(tiny_npz: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run; tests take copies of it."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    folder.mkdir()
    words = [
        "model=maml", "ssl=consistency", "dataset=arrays", f"dataset.source.path={tiny_npz}",
        "backbone.filters=4", f"paths.cache_dir={folder.parent / 'cache'}", *TINY,
        "evaluation.twin=true", "evaluation.imbalance=3", "episode.unlabelled=3", "evaluation.baseline_episodes=4",
    ]  # fmt: skip
    config = composed(*words)
    with open_dict(config):
        config.paths.output_dir = str(folder)
    train_and_test(config, folder, CHOICES, [])
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "copy"))


def results(folder: Path) -> dict:
    return json.loads((folder / "results.json").read_text())


def test_without_changes_it_gives_the_same_numbers(run: Path) -> None:
    folder = evaluate_run([f"run={run}"])
    assert folder.parent == run / "evaluations"
    first, again = results(run), results(folder)
    for key in (
        "accuracy",
        "twin",
        "gain",
        "unbalanced",
        "deprived",
        "untrained",
        "loss",
        "episodes",
        "way",
        "steps",
    ):
        assert again[key] == first[key]
    one, two = (pq.read_table(f / "episodes.parquet").to_pydict() for f in (run, folder))
    assert one.keys() == two.keys()
    for name in one:
        assert one[name] == two[name]
    assert json.loads((folder / "run.json").read_text())["overrides"] == []


def test_other_episodes(run: Path) -> None:
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    changes = ["evaluation.episodes=6", "episode.unlabelled=4"]
    folder = evaluate_run([f"run={run}", *changes])
    assert [p.name for p in (run / "evaluations").iterdir()] == [folder.name]
    found = results(folder)
    assert (found["episodes"], found["unlabelled"]) == (6, 4)
    assert json.loads((folder / "run.json").read_text())["overrides"] == changes
    rows = pq.read_table(folder / "episodes.parquet").to_pydict()
    assert len(rows["accuracy"]) == 6
    # the controls never see U, so on the first four episodes they are as they were
    before_that = pq.read_table(run / "episodes.parquet").to_pydict()
    for control in ("accuracy_twin", "accuracy_deprived"):
        np.testing.assert_array_equal(rows[control][:4], before_that[control])
    # and nothing of the run itself is touched
    assert all(p.read_bytes() == content for p, content in before.items())


def test_changes_of_the_test_episodes_win(run: Path) -> None:
    """episode.X means the test's X, also where the run set it apart."""
    config = OmegaConf.load(run / CONFIG)
    config.episode.test.queries = 4
    OmegaConf.save(config, run / CONFIG)
    assert results(evaluate_run([f"run={run}"]))["queries"] == 4
    shutil.rmtree(run / "evaluations")
    assert results(evaluate_run([f"run={run}", "episode.queries=3"]))["queries"] == 3
    shutil.rmtree(run / "evaluations")
    assert results(evaluate_run([f"run={run}", "episode.test.shot=2"]))["shot"] == 2


def test_validation_classes_can_be_asked_for(run: Path, make_config) -> None:
    assert results(evaluate_run([f"run={run}", "evaluation.split=val"]))["split"] == "val"
    for split in ("val", "test"):
        config = make_config(f"evaluation.split={split}")
        source = build_source(config)
        learner = build_learner(config, build_task_spec(config, source))
        batch = next(iter(build_test_stream(config, source, learner, 4)))
        assert set(batch.oracle.class_ids.flatten().tolist()) <= set(source.contents.splits[split])


def test_the_last_checkpoint_can_be_asked_for(run: Path) -> None:
    (run / "checkpoints" / "best.ckpt").unlink()
    with pytest.raises(UserError, match=r"best\.ckpt: not found"):
        evaluate_run([f"run={run}"])
    evaluate_run([f"run={run}", "evaluation.checkpoint=last"])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["evaluation.episode=6"], ["key evaluation.episode", "'evaluation.episodes'"]),
        (["episode.unlabeled=3"], ["'episode.unlabelled'"]),
        (["evalution.episodes=6"], ["key: found 'evalution.episodes'", "'evaluation'"]),
        (["evaluation.episodes=many"], ["evaluation.episodes: found 'many'", "a whole number"]),
        (["episode=standard"], ["episode: can't be exchanged", "episode.way="]),
        (["model=protonet"], ["model: can't be exchanged"]),
        (["dataset=glyphs"], ["dataset: can't be exchanged"]),
        (["episode.way=many"], ["episode.way"]),
        (["episode.way=99"], ["99"]),
        (["backbone.filters=8"], ["does not fit the config"]),
        (["evaluation.checkpoint=lst"], ["evaluation.checkpoint: found 'lst'", "'last'"]),
        (["evaluation.split=vall"], ["evaluation.split: found 'vall'", "'val'"]),
        (["evaluation.episodes=["], ["command line"]),
        (["-m"], ["command line"]),
        (["evaluation.episodes=1,2"], ["evaluation.episodes=1,2", "one value"]),
        (["evaluation.episodes=0"], ["evaluation.episodes: found 0"]),
        (["evaluation.episodes=null"], ["evaluation.episodes: found null", "whole number"]),
        (["evaluation.tasks=0"], ["evaluation.tasks: found 0"]),
        (["+episode.foo=1"], ["+episode.foo=1"]),
        (["hydra.run.dir=x"], ["hydra.run.dir=x"]),
        (["episode.test=5"], ["episode.test: can't be exchanged"]),
    ],
)
def test_a_slip_is_one_line(run: Path, words: list[str], expected: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        evaluate_run([f"run={run}", *words])
    line = str(caught.value)
    assert "\n" not in line
    for part in expected:
        assert part in line
    assert not (run / "evaluations").exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [("config.yaml", ""), ("config.yaml", "a: [1"), ("config.yaml", "- a"), ("config.yaml", "model: ${nowhere}"),
     ("run.json", "{"), ("run.json", "{}")],
)  # fmt: skip
def test_a_damaged_run_folder_is_one_line(run: Path, name: str, text: str) -> None:
    (run / name).write_text(text)
    with pytest.raises(UserError, match=name) as caught:
        evaluate_run([f"run={run}"])
    assert "\n" not in str(caught.value)


def test_which_run_must_be_said_once(run: Path, tmp_path: Path) -> None:
    for words in ([], ["evaluation.episodes=3"], [f"run={run}", f"run={run}"]):
        with pytest.raises(ConfigError, match="run: say which run"):
            evaluate_run(words)
    for folder in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(UserError, match=r"found no config\.yaml in it") as caught:
            evaluate_run([f"run={folder}"])
        assert str(folder) in str(caught.value)
    (run / "run.json").unlink()
    with pytest.raises(UserError, match=r"found no run\.json in it"):
        evaluate_run([f"run={run}"])


def test_a_method_of_ones_own(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its config must be named once more, and then the same class gives the same numbers."""
    module = "from metassl.ssl.consistency.consistency import Consistency\nclass Mine(Consistency): pass\n"
    (tmp_path / "own_consistency.py").write_text(module)
    (tmp_path / "my_conf" / "ssl").mkdir(parents=True)
    (tmp_path / "my_conf" / "ssl" / "mine.yaml").write_text("objective: {_target_: own_consistency.Mine}\n")
    monkeypatch.syspath_prepend(tmp_path)
    config = OmegaConf.load(run / CONFIG)
    config.ssl.objective._target_ = "own_consistency.Mine"
    OmegaConf.save(config, run / CONFIG)
    with pytest.raises(ConfigError, match=r"'own_consistency\.Mine' is refused"):
        evaluate_run([f"run={run}"])
    assert "own_consistency" not in sys.modules
    again = evaluate_run([f"run={run}", "--config-dir", str(tmp_path / "my_conf")])
    assert results(again)["accuracy"] == results(run)["accuracy"]
    assert sys.modules.pop("own_consistency")


@pytest.mark.parametrize("key", ["model", "backbone", "dataset.source", "engine", "ssl.objective"])
def test_a_config_that_would_run_foreign_code_is_refused(run: Path, tmp_path: Path, key: str) -> None:
    flag = tmp_path / "flag"
    config = OmegaConf.load(run / CONFIG)
    OmegaConf.update(config, key, {"_target_": "os.system", "command": f"touch {flag}"}, merge=False)
    OmegaConf.save(config, run / CONFIG)
    with pytest.raises(ConfigError, match=r"'os\.system' is refused") as caught:
        evaluate_run([f"run={run}"])
    assert "\n" not in str(caught.value)
    assert not flag.exists()
