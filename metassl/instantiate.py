"""From a config node to an object, with one clear line when it can't be."""

from collections.abc import Collection, Iterator
from typing import Any

import hydra
from hydra.errors import InstantiationException
from hydra.utils import get_object
from omegaconf import DictConfig, ListConfig

from metassl.errors import ConfigError, UserError

# Where the classes lie that define an experiment; none of them writes but where a config says `paths`.
ROOMS = tuple(
    f"metassl.{room}."
    for room in ("backbones", "data", "engine", "heads", "inner", "learners", "norms", "outcomes", "ssl")
)


def instantiate(node: Any, *args: Any, **kwargs: Any) -> Any:
    """The object that `node._target_` names. UserErrors of its constructor come out as they are."""
    try:
        return hydra.utils.instantiate(node, *args, **kwargs)
    except InstantiationException as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, UserError):
            cause = cause.__cause__
        if cause is not None:
            raise cause from None
        raise ConfigError(_one_line(node, error)) from error


def refuse_foreign_targets(config: Any, vouched: Collection[str] = ()) -> None:
    """Check a config that came with a checkpoint: it may build this package's and torch's objects only.

    Allowed are the classes of ROOMS, torch's layers, optimisers and schedules, and the vouched targets, which
    the user means; and arguments by name alone, so that what each says is seen. Raises ConfigError otherwise.
    """
    for target in targets_in(config):
        if target not in vouched and not _allowed(target):
            raise ConfigError(
                f"config of the checkpoint: _target_ '{target}' is refused. Allowed are methods and data of "
                "metassl, torch's layers, optimisers and schedules, and, with --config-dir, what your own "
                "configs name."
            )
    if any("_args_" in node for node in _mappings(config)):
        raise ConfigError("config of the checkpoint: _args_ is refused. Allowed are arguments by name.")


def targets_in(node: Any) -> Iterator[str]:
    """Every `_target_` of a config."""
    return (str(mapping["_target_"]) for mapping in _mappings(node) if "_target_" in mapping)


def _mappings(node: Any) -> Iterator[Any]:
    """Every mapping of a config."""
    if isinstance(node, dict | DictConfig):
        yield node
        for value in node.values():
            yield from _mappings(value)
    elif isinstance(node, list | ListConfig):
        for value in node:
            yield from _mappings(value)


def _allowed(target: str) -> bool:
    # The place is looked at before anything is imported: an import alone can run code.
    if not target.startswith((*ROOMS, "torch.nn.", "torch.optim.")):
        return False
    try:
        found = get_object(target)
    except Exception:
        return False
    if not isinstance(found, type):
        return False
    # By where it is defined, not by the path: metassl.data.some_module.subprocess.Popen is not ours.
    if f"{found.__module__}.".startswith(ROOMS):
        return True
    import torch  # here, for a command line is checked without it

    layers = issubclass(found, torch.nn.Module) and found.__module__.startswith("torch.nn.modules.")
    steps = (torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler)
    return layers or (issubclass(found, steps) and found.__module__.startswith("torch.optim."))


def _one_line(node: Any, error: Exception) -> str:
    target = node.get("_target_", "?") if isinstance(node, dict | DictConfig) else "?"
    reason = str(error.__cause__ or error).strip().splitlines()[0]
    key = node._get_full_key(None) if isinstance(node, DictConfig) else ""
    return f"{key}: {target}: {reason}" if key else f"{target}: {reason}"
