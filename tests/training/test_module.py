"""What the Lightning module hands on after an optimiser step."""

import pytest
import pytorch_lightning as pl
import torch
from torch.utils._pytree import tree_leaves, tree_map

from metassl.checkpoint_file import read_checkpoint
from metassl.trained.build import build_learner
from metassl.training.build import build_datamodule, build_module, build_source, build_task_spec
from metassl.training.process import silence_hints
from metassl.training.weights import load_weights

# θ stays, so that micro-batches of any size meet the same learner
STILL = (
    "optimizer.optimizer._target_=torch.optim.SGD", "~optimizer.optimizer.weight_decay",
    "optimizer.optimizer.lr=1.0e-30", "optimizer.scheduler=null",
)  # fmt: skip


def trained(make_config, tasks: int, accumulate: int, *words: str):
    """The learner after two optimiser steps on the first tasks of the stream, `tasks · accumulate` a step."""
    config = make_config(f"trainer.tasks={tasks}", "engine=loop", *STILL, *words)
    silence_hints()
    torch.manual_seed(0)
    contents = build_source(config)
    learner = build_learner(config, build_task_spec(config, contents))
    trainer = pl.Trainer(
        accelerator="cpu", max_steps=2, accumulate_grad_batches=accumulate, logger=False, limit_val_batches=0,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(build_module(config, learner), build_datamodule(config, contents, learner))
    return learner


@pytest.mark.parametrize("accumulate", [2, 4])
def test_what_is_kept_sees_all_micro_batches_of_a_step(make_config, accumulate: int) -> None:
    """4 tasks a step in one batch or in several: the same tasks are stored, with the same differences."""
    words = ("model=nearest_task", "ssl=soft_kmeans", "distance=mmd", "model.writes=4", "model.size=8")
    whole = trained(make_config, 4, 1, *words).memory
    parts = trained(make_config, 4 // accumulate, accumulate, *words).memory
    assert parts.count == whole.count == 8  # with the last micro-batch alone it would be 4 or 2
    torch.testing.assert_close(parts.rows, whole.rows, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(parts.delta, whole.delta, rtol=1e-5, atol=1e-6)


def test_every_rank_keeps_the_tasks_of_all_in_the_order_of_the_stream(make_config, monkeypatch) -> None:
    """Of two ranks: what the other one sends comes in between, and truth values come back as such."""
    config = make_config("model=protonet", "ssl=soft_kmeans")
    contents = build_source(config)
    learner = build_learner(config, build_task_spec(config, contents))
    module = build_module(config, learner)
    tasks = next(iter(build_datamodule(config, contents, learner).train_dataloader())).episodes.tasks(0, 4)
    mine, other = (tree_map(lambda x, r=r: x[r::2], tasks) for r in (0, 1))
    sent = iter(tree_leaves(other))
    monkeypatch.setattr(module, "all_gather", lambda x: torch.stack((x, next(sent).to(x.dtype))))
    for a, b in zip(tree_leaves(module._of_ranks(mine)), tree_leaves(tasks), strict=True):
        assert a.dtype == b.dtype
        assert torch.equal(a, b)


def test_averages_of_the_steps_are_means_over_all_micro_batches(make_config) -> None:
    words = ("model=mamlpp", "ssl=none", "backbone.norm=per_step_running")
    whole, parts = trained(make_config, 4, 1, *words), trained(make_config, 2, 2, *words)
    for (name, one), two in zip(whole.named_buffers(), parts.buffers(), strict=True):
        torch.testing.assert_close(two, one, rtol=1e-5, atol=1e-6, msg=name)


def test_weights_of_a_checkpoint_fit_a_learner_with_another_objective(make_config, tmp_path) -> None:
    """What the other objective learned is left out."""
    config = make_config("model=protonet", "ssl=masked_soft_kmeans")
    contents = build_source(config)
    learner = build_learner(config, build_task_spec(config, contents))
    state = {f"learner.{name}": value for name, value in learner.state_dict().items()}
    torch.save({"state_dict": state, "global_step": 3}, tmp_path / "last.ckpt")
    other = make_config("model=protonet", "ssl=soft_kmeans")
    plain = build_learner(other, build_task_spec(other, contents))
    assert load_weights(plain, tmp_path / "last.ckpt") == 3
    assert any("ssl." in name for name in read_checkpoint(tmp_path / "last.ckpt")["state_dict"])
    for name, p in plain.named_parameters():
        assert torch.equal(p, learner.get_parameter(name))
