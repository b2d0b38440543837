"""From a config node to an object whose constructor is told what only the builder knows."""

import inspect
from collections.abc import Mapping
from functools import partial
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

from metassl.errors import ConfigError, UserError
from metassl.schema.check import check_parts
from metassl.schema.plain import below
from metassl.targets import located

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
        ConfigError: the target does not exist, or cannot take these arguments; says the key of the node.
            UserErrors come out as they are.
    """
    plain, key = node, ""
    if isinstance(node, DictConfig | ListConfig):
        plain, key = OmegaConf.to_container(node, resolve=True), node._get_full_key(None)
    check_parts(plain, key)
    return _made(plain, known, key)


def _made(node: Any, known: Mapping[str, Any], place: str) -> Any:
    if isinstance(node, list):
        return [_made(value, known, below(place, k)) for k, value in enumerate(node)]
    if not isinstance(node, dict):
        return node
    values = {k: _made(v, known, below(place, k)) for k, v in node.items() if k not in (TARGET, PARTIAL)}
    if TARGET not in node:
        return values
    try:
        target = located(node[TARGET])
        if node.get(PARTIAL):
            return partial(target, **values)
        given = {name: known[name] for name in inspect.signature(target).parameters if name in known}
        return target(**{**given, **values})
    except UserError:
        raise
    except Exception as error:
        at = f"{place}: " if place else ""
        raise ConfigError(f"{at}{node[TARGET]}: {' '.join(str(error).split())}") from error
