"""Two gloo processes give the result of one; and the seams that make it so."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from metassl.checkpoint_file import read_checkpoint
from metassl.data.task_stream import TaskStream
from metassl.errors import ConfigError
from metassl.trained.build import build_learner
from metassl.training.build import build_datamodule, build_source, build_task_spec
from metassl.training.run import train_and_test
from tests.conftest import ROOT


def test_two_processes_give_the_result_of_one(make_config, tiny_npz: Path, tmp_path: Path) -> None:
    words = [
        "dataset=arrays", f"dataset.source.path={tiny_npz}", "backbone.filters=4", "backbone.depth=4", "trainer.steps=4",
        "trainer.val_every=2", "trainer.tasks=4", "trainer.progress=false", "trainer.clip=0.5",
        "trainer.accumulate=2", "evaluation.episodes=2", "evaluation.val_episodes=6",
        "model.steps=2", "ssl.start=0", "ssl.ramp=0",
        f"paths.cache_dir={tmp_path}/cache", "optimizer.optimizer._target_=torch.optim.SGD",
        "~optimizer.optimizer.weight_decay", "optimizer.optimizer.lr=0.05",
    ]  # fmt: skip
    # SGD: Adam's division would blow the rounding of gradients that are zero by symmetry up to full steps
    (tmp_path / "one").mkdir()
    train_and_test(make_config(*words), tmp_path / "one", {}, [])
    done = subprocess.run(
        [sys.executable, str(ROOT / "train.py"), *words, "trainer=ddp", f"hydra.run.dir={tmp_path}/two"],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, cwd=tmp_path, capture_output=True, text=True, check=False,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    a, b = (read_checkpoint(tmp_path / name / "checkpoints" / "last.ckpt") for name in ("one", "two"))
    assert a["global_step"] == b["global_step"] == 4
    for key, value in a["state_dict"].items():
        torch.testing.assert_close(b["state_dict"][key], value, rtol=1e-4, atol=1e-5)


def test_ranks_share_a_meta_batch(make_config) -> None:
    config = make_config("trainer.tasks=4")
    contents = build_source(config)
    data = build_datamodule(config, contents, build_learner(config, build_task_spec(config, contents)))
    whole = next(iter(TaskStream(data.train, 4))).episodes.support_x
    parts = [next(iter(TaskStream(data.train, 4, rank=r, world=2))).episodes.support_x for r in (0, 1)]
    assert torch.equal(torch.stack([parts[0][0], parts[1][0], parts[0][1], parts[1][1]]), whole)


def test_tasks_must_divide_among_devices(make_config) -> None:
    config = make_config("trainer=ddp", "trainer.tasks=3")
    contents = build_source(config)
    learner = build_learner(config, build_task_spec(config, contents))
    with pytest.raises(ConfigError, match=r"trainer.tasks: found 3.*2 devices"):
        build_datamodule(config, contents, learner)
