"""A run that was stopped and resumed equals the run that was not."""

import json
import random
import signal
import zipfile
from pathlib import Path

import pytest
import torch
from pytorch_lightning import Trainer

from metassl.checkpoint_file import read_checkpoint
from metassl.cli.arguments import prepare
from metassl.engine.loop import Loop
from metassl.errors import UserError
from metassl.training import checkpoints
from metassl.training.checkpoints import Resumable, earlier_seconds
from metassl.training.csv_log import CSVLog
from metassl.training.run import train_and_test
from tests.conftest import CONF
from tests.support.killing import run_line, server
from tests.support.processes import done

STEPS = 8
LONG = (
    f"trainer.steps={STEPS}",
    "trainer.val_every=4",
    "trainer.checkpoint_every=1",
    "ssl.start=0.3",
    "ssl.ramp=0.3",
    "evaluation.episodes=2",
    "evaluation.val_episodes=2",
)


class Killed(Exception):
    """Stands for the end of the process."""


def train(make_config, folder: Path, *words: str) -> None:
    folder.mkdir(exist_ok=True)
    train_and_test(make_config(*LONG, *words), folder, {}, [])


def kill_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Ends the run in the middle of a training step, without a chance to save."""
    from metassl.training.module import MetaModule

    original = MetaModule.training_step

    def dying(self, batch, batch_idx):
        if self.global_step == step:
            raise Killed
        return original(self, batch, batch_idx)

    monkeypatch.setattr(MetaModule, "training_step", dying)


def assert_same_run(one: Path, two: Path) -> None:
    for name in ("last.ckpt", "best.ckpt"):
        a, b = (read_checkpoint(folder / "checkpoints" / name) for folder in (one, two))
        assert a["global_step"] == b["global_step"]
        for key, value in a["state_dict"].items():
            assert torch.equal(value, b["state_dict"][key]), key
    assert (one / "metrics.csv").read_text() == (two / "metrics.csv").read_text()
    results = [json.loads((folder / "results.json").read_text()) for folder in (one, two)]
    for r in results:
        del r["wall_seconds"]
    assert results[0] == results[1]


TWO = ("model.steps=2", "model.test_steps=2")
ONE = ("model.steps=1", "model.test_steps=1")
CASES = {
    "maml": ("model=maml", "ssl=consistency", *TWO),
    "protonet": ("model=protonet", "ssl=soft_kmeans"),
    "memory": ("model=nearest_task", "ssl=mean_teacher", "model.size=5", "model.refresh=2", *TWO),
    "grouped": ("model=tsa_maml", "ssl=soft_kmeans", "model.count=2", "model.tasks=9", *ONE),
    "groups": ("model=maml", "ssl=learned_hparams", *ONE),
    "accumulate": ("model=maml", "ssl=none", "trainer.accumulate=2", "trainer.workers=1", *ONE),
}


@pytest.mark.parametrize("case", CASES)
def test_killed_at_some_steps(make_config, tmp_path: Path, monkeypatch, case: str) -> None:
    """Five times for one learner; for the others before and after U enters."""
    words, times = CASES[case], 5 if case == "protonet" else 2
    train(make_config, tmp_path / "whole", *words)
    folder = tmp_path / "stopped"
    for step in sorted(random.Random(3).sample(range(1, STEPS), times)):
        with monkeypatch.context() as patch:
            kill_at(patch, step)
            resume = () if not folder.exists() else (f"resume={folder}",)
            with pytest.raises(Killed):
                train(make_config, folder, *words, *resume)
        assert read_checkpoint(folder / "checkpoints" / "last.ckpt")["global_step"] == step
    train(make_config, folder, *words, f"resume={folder}")
    assert_same_run(tmp_path / "whole", folder)


def test_killed_right_after_a_checkpoint(make_config, tmp_path: Path, monkeypatch) -> None:
    """The row of the checkpoint's step is in the file by then, without a chance to write it afterwards."""
    words = ("model=protonet", "ssl=none", "trainer.log_every=1", "trainer.checkpoint_every=5")
    train(make_config, tmp_path / "whole", *words)
    folder, saved = tmp_path / "stopped", checkpoints.save_checkpoint

    def dying(trainer: Trainer, path: Path) -> None:
        saved(trainer, path)
        if trainer.global_step == 5:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "save_checkpoint", dying)
        patch.setattr(CSVLog, "finalize", lambda self, status: None)
        with pytest.raises(Killed):
            train(make_config, folder, *words)
    leftover = folder / "checkpoints" / ".last.ckpt.1.tmp"  # of a kill in the middle of writing
    leftover.touch()
    train(make_config, folder, *words, f"resume={folder}")
    assert not leftover.exists()
    assert len((folder / "metrics.csv").read_text().splitlines()) == 1 + STEPS
    assert_same_run(tmp_path / "whole", folder)


def test_what_can_t_go_on_says_so_before_the_training(make_config, tmp_path: Path, monkeypatch) -> None:
    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        kill_at(patch, 6)
        with pytest.raises(Killed):
            train(make_config, folder, "model=protonet", "ssl=none")
    last, best = (folder / "checkpoints" / name for name in ("last.ckpt", "best.ckpt"))
    whole = best.read_bytes()
    best.unlink()
    with pytest.raises(UserError, match=r"found no best\.ckpt"):
        train(make_config, folder, "model=protonet", "ssl=none", f"resume={folder}")
    best.write_bytes(whole)
    damaged = bytearray(last.read_bytes())
    (weights,) = (i for i in zipfile.ZipFile(last).infolist() if i.filename.endswith("/data/0"))
    damaged[weights.header_offset + 200] ^= 1  # in the first tensor, behind its entry's name and padding
    last.write_bytes(damaged)
    with pytest.raises(UserError, match=r"last.ckpt: refused, it is broken .*checksum"):
        train(make_config, folder, "model=protonet", "ssl=none", f"resume={folder}")


SIGNALLED = 200  # steps of the run that is sent a signal after its first


def command(tiny_npz: Path, tmp_path: Path, folder: str) -> list[str]:
    words = [
        "dataset=arrays", f"dataset.source.path={tiny_npz}", "backbone.filters=4", f"trainer.steps={SIGNALLED}",
        f"trainer.val_every={SIGNALLED}", "trainer.log_every=1",
        "trainer.tasks=2", "trainer.progress=false", "trainer.threads=1", "evaluation.episodes=4",
        "evaluation.val_episodes=4", f"paths.cache_dir={tmp_path}/cache",
        f"hydra.run.dir={tmp_path}/{folder}",
        "model=protonet", "ssl=none", "trainer.accelerator=cpu", "trainer.checkpoint_every=1000",
    ]  # fmt: skip
    return ["train", *words]


def stop_by(number: int, tiny_npz: Path, tmp_path: Path) -> None:
    """Sends a run a signal once a step is logged: exit code, line, status and checkpoint are as promised."""
    logged = (tmp_path / "run" / "metrics.csv").exists
    code = run_line(server(), command(tiny_npz, tmp_path, "run"), tmp_path, logged, number)
    said = (tmp_path / "said.txt").read_text()
    assert code == 130, said
    assert "Traceback" not in said
    line = next(line for line in said.splitlines() if line.startswith("error: "))
    assert signal.Signals(number).name in line
    assert "last.ckpt" in line
    assert json.loads((tmp_path / "run" / "status.json").read_text())["status"] == "stopped"
    stopped_at = read_checkpoint(tmp_path / "run" / "checkpoints" / "last.ckpt")["global_step"]
    assert 0 < stopped_at < SIGNALLED


def test_ctrl_c_leaves_a_checkpoint(tiny_npz: Path, tmp_path: Path) -> None:
    stop_by(signal.SIGINT, tiny_npz, tmp_path)


def test_sigterm_leaves_a_checkpoint_to_go_on_from(tiny_npz: Path, tmp_path: Path) -> None:
    stop_by(signal.SIGTERM, tiny_npz, tmp_path)
    found = done(["train", f"resume={tmp_path}/run"], tmp_path)
    assert found.returncode == 0, found.stderr
    assert json.loads((tmp_path / "run" / "status.json").read_text())["status"] == "done"


def test_resume_with_another_config_is_refused(make_config, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    words = ["model=protonet", "ssl=none", "backbone.filters=4", "trainer.steps=2", "trainer.val_every=2"]
    train(make_config, folder, "model=protonet", "ssl=none")
    (folder / ".hydra").mkdir()
    (folder / ".hydra" / "overrides.yaml").write_text("".join(f"- {w}\n" for w in words))
    with pytest.raises(UserError, match="the run is done"):
        prepare([f"resume={folder}"], CONF)
    (folder / "results.json").unlink()
    with pytest.raises(UserError, match="is 7 now and was 4") as caught:
        prepare([f"resume={folder}", "backbone.filters=7", "backbone.depth=2"], CONF)
    assert "backbone.filters" in str(caught.value)


def test_divergence_stops_with_the_last_good_checkpoint(make_config, tmp_path: Path, monkeypatch) -> None:
    original = Loop.gradients
    calls = []

    def poisoned(self, *args):
        gradients, scores = original(self, *args)
        calls.append(1)
        if len(calls) > 5:
            gradients = {name: g * float("nan") for name, g in gradients.items()}
        return gradients, scores

    monkeypatch.setattr(Loop, "gradients", poisoned)
    with pytest.raises(UserError, match=r"step 5.*last.ckpt"):
        train(make_config, tmp_path / "run", "model=protonet", "ssl=none")
    state = read_checkpoint(tmp_path / "run" / "checkpoints" / "last.ckpt")
    assert state["global_step"] == 5
    assert all(v.isfinite().all() for v in state["state_dict"].values())


def test_resume_runs_no_foreign_code(make_config, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    train(make_config, folder, "model=protonet", "ssl=none")
    with pytest.raises(UserError, match=r"_target_ 'os.system' is refused"):
        train(make_config, folder, f"resume={folder}", "engine._target_=os.system")
    (folder / "results.json").unlink()
    (folder / ".hydra").mkdir()
    evil = "hydra.callbacks={evil: {_target_: os.system, command: echo}}"
    (folder / ".hydra" / "overrides.yaml").write_text(f"- '+{evil}'\n- 'trainer.steps=3'\n")
    with pytest.raises(UserError, match="in the run"):  # the Hydra key is dropped, the rest compared
        prepare([f"resume={folder}"], CONF)


def test_wall_time_adds_up_over_resumptions(tmp_path: Path) -> None:
    first, second = (Resumable(tmp_path, 1, 1) for _ in range(2))
    first.load_state_dict({"seconds": 100.0})
    second.load_state_dict(first.state_dict())
    assert 100 <= earlier_seconds(Trainer(callbacks=[second], logger=False)) < 101
