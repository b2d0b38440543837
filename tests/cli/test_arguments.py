"""Slips on the command line end in one clear line, before anything is computed."""

import subprocess
import sys
from pathlib import Path

import pytest

from metassl.cli.arguments import prepare
from metassl.errors import ConfigError
from tests.conftest import CONF, ROOT
from tests.support.composing import composed
from tests.support.processes import done


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["model=protnet"], ["model: found 'protnet'", "Did you mean 'protonet'?", "maml"]),
        (["ssl=consistancy"], ["ssl: found 'consistancy'", "'consistency'"]),
        (["logger=null"], ["logger: found 'null'", "csv, mlflow, tensorboard"]),
        (["~logger=csv"], ["~logger", "logger=..."]),
        (["~trainer.steps"], ["~trainer.steps", "trainer.steps=..."]),
        (["~paths.output_dir"], ["~paths.output_dir: a run needs this key"]),
        (
            ["modle=maml"],
            ["key: found 'modle'. Did you mean 'model'? Allowed: backbone, behind, classifier, dataset, "],
        ),
        (["behind=maml"], ["behind: found a choice", "Allowed with model=mixed_starts or starts."]),
        (["trainer.step=5"], ["trainer.step'", "'trainer.steps'"]),
        (["ssl.objective.treshold=1", "ssl=pseudo_label"], ["'ssl.objective.threshold'"]),
        (["episode.test.quieries=1"], ["'episode.test.queries'"]),
        (["trainer.steps=many"], ["trainer.steps: found 'many'", "a whole number"]),
        (["trainer.steps=1e3"], ["trainer.steps: found 1000.0", "a whole number"]),
        (["-m", "trainer.steps=2,3.5"], ["trainer.steps: found 3.5", "a whole number"]),
        (["optimizer.optimizer.lr=fast"], ["optimizer.optimizer.lr: found 'fast'", "a number"]),
        (["trainer.progress=no"], ["trainer.progress: found 'no'", "true or false"]),
        (["trainer.steps.each=1"], ["trainer.steps.each"]),
        (["model.inner.learned=maybe"], ["model.inner.learned: found 'maybe'", "true or false"]),
        (["+ssl.extra=1"], ["key ssl.extra: found 'ssl.extra'", "ssl.start"]),
        (["+model.stepz=1"], ["Did you mean 'model.steps'?"]),
        (["paths=null"], ["paths: found null, allowed is a group of keys."]),
        (["dataset.source=null"], ["dataset.source: found null", "_target_"]),
        (["optimizer.optimizer.lr=-1"], ["optimizer.optimizer.lr: found -1, allowed is a number above 0."]),
        (["ssl=soft_kmeans", "ssl.distractors=threshold", "ssl.distractor_threshold=7"], ["from 0 to 1"]),
        (["model=protonet,maml", "seed=0,-1", "-m"], ["seed: found -1, allowed is a whole number from 0"]),
        (["seed=0", "-m", "ssl.weight=1,2,nan", "model=maml"], ["ssl.weight: found nan"]),
        (["seed=0,1"], ["Ambiguous value for argument 'seed=0,1'", "--multirun"]),
        (["seed=interval(0,1)"], ["'seed=interval(0,1)' requires --multirun"]),
        (["-m", "ssl=glob(zz*)"], ["ssl: found 'glob(zz*)'", "Allowed: adamatch"]),
        (["-m", "seed=range(1,1)"], ["seed: found 'range(1,1)'", "one value or more"]),
        (["-m", "seed=range(0,1,0)"], ["seed=range(0,1,0)", "zero"]),
        (
            ["-m", "hydra/launcher=jobib"],
            ["hydra/launcher: found 'jobib'. Did you mean 'joblib'? Allowed: basic, joblib."],
        ),
        (["-m", "hydra/sweeper=optuna"], ["hydra/sweeper: found 'optuna'", "Allowed: basic."]),
        (["hydra.launcher.n_jobs=2"], ["hydra.launcher.n_jobs", "'n_jobs' not in 'BasicLauncherConf'"]),
        (
            ["hydra/launcher=joblib", "hydra.launcher.n_jobs=two"],
            ["'two' of type 'str' could not be converted to Integer"],
        ),
        (["hydra.searchpath=here"], ["hydra.searchpath must be a list"]),
        (["--config-dir", "nowhere"], ["--config-dir: found no folder 'nowhere'"]),
        (["--config-dir"], ["command line: argument --config-dir", "expected one argument"]),
        (["--confg-dir=x"], ["command line: found '--confg-dir=x'", "'--config-dir'"]),
        (["-m", "--cfg", "job"], ["command line: --run, --multirun"]),
        (["model=["], ["command line"]),
        (["-m", "model=maml,protonett"], ["model: found 'protonett'", "'protonet'"]),
        (["dataset=arrays"], ["dataset.source.path: has no default"]),
        (["resume=nowhere"], ["resume=nowhere", "checkpoints/last.ckpt"]),
    ],
)
def test_a_slip_is_one_line(words: list[str], expected: list[str]) -> None:
    with pytest.raises(ConfigError if "resume" not in words[0] else Exception) as caught:
        prepare(words, CONF)
    line = str(caught.value)
    assert "\n" not in line
    for part in expected:
        assert part in line


@pytest.mark.parametrize(
    "words",
    [
        [], ["model=protonet", "ssl=soft_kmeans"], ["episode.way=[2,5]"],
        ["-m", "model=maml,protonet", "seed=0,1,2"],
        ["-m", "trainer.steps=range(1,3)"], ["trainer.clip=0.5"],
        ["hydra.run.dir=outputs/x"], ["~optimizer.optimizer.weight_decay"],
        ["logger=wandb"], ["resume=null"], ["optimizer=adam_steps", "optimizer.scheduler.milestones=[1,2]"],
        ["dataset=arrays", "dataset.source.path=x.npz"], ["experiment=ren2018_omniglot/soft_kmeans", "ssl=none"],
    ],
)  # fmt: skip
def test_right_words_pass(words: list[str]) -> None:
    assert prepare(words, CONF) == words


PARTS = ("backbone", "engine", "distance", "behind", "start_distance", "classifier")


def test_every_option_of_every_group_composes() -> None:
    """But for those that the product tests run, parts, which test_defaults reads, and launchers, no part of a run."""
    elsewhere = ("model", "ssl", "experiment", "launcher", *PARTS)
    for group in (path for path in CONF.iterdir() if path.is_dir() and path.name not in elsewhere):
        for option in group.glob("*.yaml"):
            words = ["dataset=clinc150"] if group.name == "features" else []
            composed(*words, f"{group.name}={option.stem}")


def test_unwritable_output_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="output folder"):
        prepare([f"hydra.run.dir={tmp_path}/file/run"], CONF)


def test_program_prints_one_line_and_fails(tmp_path: Path) -> None:
    program = [sys.executable, str(ROOT / "train.py"), "model=protnet"]
    slip = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=False)
    later = done(["train", "dataset=arrays", "dataset.source.path=none.npz"], tmp_path)
    for ended in (slip, later):
        assert ended.returncode == 2
        assert ended.stderr.startswith("error: ")
        assert ended.stderr.count("\n") == 1
        assert "Traceback" not in ended.stderr


def test_the_config_alone_can_be_asked_for() -> None:
    assert prepare(["--cfg", "job", "model=protonet"], CONF) == ["--cfg", "job", "model=protonet"]


def test_help_lists_groups_and_options(tmp_path: Path) -> None:
    shown = done(["train", "--help"], tmp_path)
    assert shown.returncode == 0
    for group in (
        "dataset",
        "episode",
        "backbone",
        "model",
        "ssl",
        "optimizer",
        "trainer",
        "logger",
        "experiment",
    ):
        assert f"{group}:" in shown.stdout
    for option in ("glyphs", "maml", "protonet", "soft_kmeans"):
        assert option in shown.stdout
