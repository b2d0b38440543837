"""Whether a checkpoint is one that a training can go on from, looked at before the training begins."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from metassl.errors import UserError
from metassl.training.module import MetaModule

PARTS: Mapping[str, type] = {
    "state_dict": dict, "loops": dict, "callbacks": dict, "optimizer_states": list, "lr_schedulers": list,
    "global_step": int, "epoch": int, "pytorch-lightning_version": str,
}  # fmt: skip
VERSION = re.compile(r"\d+\.\d+[\w.+]*")


def check_parts(content: Mapping[str, Any], path: Path) -> None:
    """Raises UserError unless a checkpoint has all that Lightning and this package put into one.

    Weights alone are not enough: without the optimiser's state the training would be another one.
    """
    for key, kind in PARTS.items():
        if not isinstance(content.get(key), kind):
            raise UserError(f"checkpoint {path}: can't be gone on from, found no '{key}' in it.")
    if content["global_step"] < 0 or not VERSION.fullmatch(content["pytorch-lightning_version"]):
        raise UserError(f"checkpoint {path}: can't be gone on from, its step or its version is none.")


def check_restorable(
    content: Mapping[str, Any],
    path: Path,
    module: MetaModule,
    data: pl.LightningDataModule,
    trainer: pl.Trainer,
) -> None:
    """Raises UserError unless a checkpoint is of a run like this one.

    Args:
        content: of the checkpoint, with all its parts.
        path: of its file.
        module, data, trainer: of the run that is to go on; the module has the weights afterwards.
    """
    try:
        misfit = next(_misfits(content, module, data, trainer), None)
    except (RuntimeError, TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
        misfit = " ".join(str(error).split())[:200] or type(error).__name__
    if misfit is not None:
        raise UserError(f"checkpoint {path}: is not of this run ({misfit}).")


def _misfits(
    content: Mapping[str, Any], module: MetaModule, data: pl.LightningDataModule, trainer: pl.Trainer
) -> Iterator[str]:
    """What does not fit, part by part."""
    if content["global_step"] > trainer.max_steps:
        yield f"step {content['global_step']} of {trainer.max_steps}"
    module.load_state_dict(content["state_dict"])
    made = module.configure_optimizers()
    optimizer, schedule = made["optimizer"], made.get("lr_scheduler")
    if len(content["optimizer_states"]) != 1 or len(content["lr_schedulers"]) != (schedule is not None):
        yield "another number of optimisers or schedules"
    yield from _misfits_of_optimizer(content["optimizer_states"][0], optimizer)
    if schedule is not None:
        fresh, found = schedule["scheduler"].state_dict(), content["lr_schedulers"][0]
        if not _alike(found, fresh) or found.keys() != fresh.keys():
            yield "the state of another schedule"
    if not _alike(content["loops"].get("fit_loop"), trainer.fit_loop.state_dict()):
        yield "loops of another form"
    if not _alike(content.get(type(data).__qualname__), data.state_dict()):
        yield "no place in the stream of tasks"
    callbacks: list[pl.Callback] = trainer.callbacks  # type: ignore[attr-defined]
    for callback in callbacks:
        if not _alike(content["callbacks"].get(callback.state_key, {}), callback.state_dict()):
            yield f"no state of {callback.state_key}"


def _misfits_of_optimizer(found: Any, optimizer: torch.optim.Optimizer) -> Iterator[str]:
    fresh = optimizer.state_dict()
    if not _alike(found, {"state": {}, "param_groups": fresh["param_groups"]}):
        yield "the state of another optimiser"
    optimizer.load_state_dict(found)
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, Tensor) and not _covers(value.shape, parameter.shape):
                yield f"the optimiser's {name} is {list(value.shape)} for a parameter {list(parameter.shape)}"


def _covers(shape: torch.Size, of: torch.Size) -> bool:
    """Whether a state of this shape belongs to a parameter: one number, a row, a column, or one each."""
    fits = all(a in (1, b) for a, b in zip(shape[::-1], of[::-1], strict=False))
    return fits and len(shape) <= len(of)


def _alike(found: Any, fresh: Any) -> bool:
    """Whether a value has the form of one that was just made; None may have become numbers."""
    if isinstance(fresh, dict):
        return isinstance(found, dict) and all(
            key in found and _alike(found[key], fresh[key]) for key in fresh
        )
    if isinstance(fresh, list | tuple):
        same = isinstance(found, list | tuple) and len(found) == len(fresh)
        return same and all(map(_alike, found, fresh))
    if fresh is None:
        return not isinstance(found, dict | str) and (
            not isinstance(found, list) or _alike(found, [0.0, 0.0])
        )
    if isinstance(fresh, float):
        return isinstance(found, int | float) and not isinstance(found, bool)
    return type(found) is type(fresh)
