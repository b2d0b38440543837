"""From a config node to an object whose constructor is told what only the builder knows."""

import inspect
from collections.abc import Mapping
from functools import partial
from typing import Any

from hydra.utils import get_object
from omegaconf import DictConfig, ListConfig, OmegaConf

from metassl.errors import ConfigError, UserError

TARGET, PARTIAL = "_target_", "_partial_"
# what the builder of a run knows
BUILDERS = ("task", "input_shape", "backbone", "features", "map_shape", "parameters")


def construct(node: Any, known: Mapping[str, Any]) -> Any:
    """The object that a config node describes, and, within it, those that its values describe.

    A constructor's argument that the node does not give, and whose name is in `known`, gets that value: so a
    head that names `features` is built for the backbone at hand. With `_partial_: true` it is a factory, for
    arguments that only the owner knows.

    Args:
        node: a mapping with `_target_`, as Hydra has them.
        known: name of an argument -> its value.

    Raises:
        ConfigError: the target does not exist or can't be called so; UserErrors come out as they are.
    """
    plain = OmegaConf.to_container(node, resolve=True) if isinstance(node, DictConfig | ListConfig) else node
    return _made(plain, known)


def _made(node: Any, known: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_made(value, known) for value in node]
    if not isinstance(node, dict):
        return node
    values = {key: _made(value, known) for key, value in node.items() if key not in (TARGET, PARTIAL)}
    if TARGET not in node:
        return values
    try:
        target = get_object(node[TARGET])
        if node.get(PARTIAL):
            return partial(target, **values)
        given = {name: known[name] for name in inspect.signature(target).parameters if name in known}
        return target(**{**given, **values})
    except UserError:
        raise
    except Exception as error:
        raise ConfigError(f"{node[TARGET]}: {' '.join(str(error).split())}") from error
