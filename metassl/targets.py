"""What a config may build: classes by their dotted names, found without Hydra."""

from collections.abc import Collection, Iterator
from importlib import import_module
from typing import Any

from omegaconf import DictConfig, ListConfig

from metassl.errors import ConfigError

# Where the classes lie that define an experiment; none of them writes but where a config says `paths`.
ROOMS = tuple(
    f"metassl.{room}."
    for room in ("backbones", "data", "engine", "heads", "inner", "learners", "norms", "outcomes", "ssl")
)


def located(target: str) -> Any:
    """The class or function of a dotted name, as Hydra finds it.

    Raises:
        ImportError: there is none.
    """
    parts = target.split(".")
    if not all(part.isidentifier() for part in parts):
        raise ImportError(f"'{target}' is no dotted name of a class")
    found: Any = import_module(parts[0])
    for place, part in enumerate(parts[1:], 2):
        try:
            found = getattr(found, part)
        except AttributeError:
            try:
                found = import_module(".".join(parts[:place]))
            except ModuleNotFoundError as error:
                raise ImportError(f"'{target}': '{'.'.join(parts[: place - 1])}' has no '{part}'") from error
    return found


def refuse_foreign_targets(
    config: Any, vouched: Collection[str] = (), where: str = "config of the checkpoint"
) -> None:
    """Check a config that came with a checkpoint: it may build this package's and torch's objects only.

    Allowed are the classes of ROOMS, torch's layers, optimisers and schedules, and the vouched targets, which
    the user means; and arguments by name alone, so that what each says is seen. Raises ConfigError otherwise,
    which says where it stands.
    """
    for target in targets_in(config):
        if target not in vouched and not _allowed(target):
            raise ConfigError(
                f"{where}: _target_ '{target}' is refused. Allowed are methods and data of "
                "metassl, torch's layers, optimisers and schedules, and, with --config-dir, what your own "
                "configs name."
            )
    if any("_args_" in node for node in _mappings(config)):
        raise ConfigError(f"{where}: _args_ is refused. Allowed are arguments by name.")


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
        found = located(target)
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
