"""A run or a sweep typed into a folder where one has been."""

import json
from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf

from metassl.cli.arguments import prepare
from metassl.cli.composing import compose_config
from metassl.cli.earlier_runs import earlier_job
from metassl.cli.sweep import SweepReport
from metassl.errors import ConfigError
from tests.conftest import CONF


@pytest.mark.parametrize("left", ["results.json", "checkpoints/last.ckpt"])
def test_another_run_s_folder_is_refused(tmp_path: Path, left: str) -> None:
    (tmp_path / left).parent.mkdir(exist_ok=True)
    (tmp_path / "run.json").write_text("{}")
    words = [f"hydra.run.dir={tmp_path}"]
    assert prepare(words, CONF)  # of a run that left neither, nothing is lost
    (tmp_path / left).write_text("{}")
    with pytest.raises(ConfigError, match=r"holds a run already. Go on with it by resume="):
        prepare(words, CONF)


def test_another_sweep_s_folder_is_refused_and_the_same_goes_on(tmp_path: Path) -> None:
    typed = {"hydra": {"overrides": {"task": ["seed=0,1", "model=protonet"]}}}
    (tmp_path / "multirun.yaml").write_text(OmegaConf.to_yaml(typed))
    where = f"hydra.sweep.dir={tmp_path}"
    assert prepare(["-m", "model=protonet", "seed=0,1", where], CONF)
    with pytest.raises(ConfigError, match="holds a sweep of other words: model=protonet seed=0,1"):
        prepare(["-m", "model=protonet", "seed=0,1,2", where], CONF)
    (tmp_path / "multirun.yaml").write_text("hydra: [")
    with pytest.raises(ConfigError, match=r"multirun.yaml can't be read"):
        prepare(["-m", "model=protonet", "seed=0,1", where], CONF)


@pytest.fixture
def config(tmp_path: Path) -> DictConfig:
    return compose_config([f"paths.output_dir={tmp_path}"], CONF)


def leave(folder: Path, config: DictConfig, status: str, *files: str) -> None:
    plain = config.copy()
    OmegaConf.set_struct(plain, False)
    del plain["hydra"]
    OmegaConf.save(plain, folder / "config.yaml", resolve=True)  # as a run leaves it
    (folder / "run.json").write_text(json.dumps({"overrides": ["seed=0"], "choices": {}, "seed": 0}))
    (folder / "status.json").write_text(json.dumps({"status": status}))
    for name in files:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text('{"accuracy": {"mean": 0.6}, "validation": {"mean": 0.5}}')


def test_a_job_that_was_done_is_not_done_again(tmp_path: Path, config: DictConfig) -> None:
    assert earlier_job(config, tmp_path, ["seed=0"]) is None
    leave(tmp_path, config, "done", "results.json", "checkpoints/last.ckpt")
    assert earlier_job(config, tmp_path, ["seed=0"]) == 0.5
    assert earlier_job(config, tmp_path, ["seed=1"]) is None
    assert config.resume is None


def test_a_job_that_was_killed_goes_on_from_its_checkpoint(tmp_path: Path, config: DictConfig) -> None:
    leave(tmp_path, config, "running", "results.json", "checkpoints/last.ckpt")  # killed before its last word
    assert earlier_job(config, tmp_path, ["seed=0"]) is None
    assert config.resume == str(tmp_path)
    changed = compose_config([f"paths.output_dir={tmp_path}", "trainer.steps=320"], CONF)
    assert earlier_job(changed, tmp_path, ["seed=0"]) is None
    assert changed.resume is None


def test_jobs_in_nested_folders_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that left a broken file is none that is done."""
    left = {"a/seed_0": "done", "b/seed_0": "failed", "b/seed_1": None}
    for name, status in left.items():
        (tmp_path / name).mkdir(parents=True)
        text = "{" if status is None else json.dumps({"status": status, "error": "why"})
        (tmp_path / name / "status.json").write_text(text)
    with pytest.raises(SystemExit) as end:
        SweepReport().on_multirun_end(OmegaConf.create({"hydra": {"sweep": {"dir": str(tmp_path)}}}))
    assert end.value.code == 1
    said = capsys.readouterr()
    assert "1 of 3 jobs done" in said.out
    first, second = said.err.splitlines()
    assert first == "job b/seed_0 failed: why"
    assert second.startswith("job b/seed_1 unknown: ")
    assert "not valid JSON" in second
