"""From a config node to an object, with one clear line when it can't be."""

from collections.abc import Collection, Iterator
from typing import Any

import hydra
from hydra.errors import InstantiationException
from hydra.utils import get_object
from omegaconf import DictConfig, ListConfig

from metassl.errors import ConfigError, UserError


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

    Allowed are classes defined in this package, torch's modules, optimisers and schedules, Lightning's
    loggers, and the vouched targets, which the user means. Raises ConfigError naming the target otherwise.
    """
    for target in targets_in(config):
        if target not in vouched and not _allowed(target):
            raise ConfigError(
                f"config of the checkpoint: _target_ '{target}' is refused. Allowed are classes of metassl, "
                "torch's modules, optimisers and schedules, Lightning's loggers, and, with --config-dir, "
                "what your own configs name."
            )


def targets_in(node: Any) -> Iterator[str]:
    """Every `_target_` of a config."""
    if isinstance(node, dict | DictConfig):
        for key, value in node.items():
            if key == "_target_":
                yield str(value)
            else:
                yield from targets_in(value)
    elif isinstance(node, list | ListConfig):
        for value in node:
            yield from targets_in(value)


def _allowed(target: str) -> bool:
    # The root is looked at before anything is imported: an import alone can run code.
    if target.split(".")[0] not in ("metassl", "torch", "pytorch_lightning"):
        return False
    try:
        found = get_object(target)
    except Exception:
        return False
    if not isinstance(found, type):
        return False
    import torch  # here, for a command line is checked without them
    from pytorch_lightning.loggers import Logger

    # By where it is defined, not by the path: metassl.some_module.subprocess.Popen is not ours.
    root = found.__module__.split(".")[0]
    parts = (torch.nn.Module, torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler)
    kinds: dict[str, type | tuple[type, ...]] = {
        "metassl": object,
        "torch": parts,
        "pytorch_lightning": Logger,
    }
    return root in kinds and issubclass(found, kinds[root])


def _one_line(node: Any, error: Exception) -> str:
    target = node.get("_target_", "?") if isinstance(node, dict | DictConfig) else "?"
    reason = str(error.__cause__ or error).strip().splitlines()[0]
    return f"{target}: {reason}"
