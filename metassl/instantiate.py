"""From a config node to an object, with one clear line when it can't be."""

from typing import Any

import hydra
from hydra.errors import InstantiationException
from omegaconf import DictConfig

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


def _one_line(node: Any, error: Exception) -> str:
    target = node.get("_target_", "?") if isinstance(node, dict | DictConfig) else "?"
    reason = str(error.__cause__ or error).strip().splitlines()[0]
    key = node._get_full_key(None) if isinstance(node, DictConfig) else ""
    return f"{key}: {target}: {reason}" if key else f"{target}: {reason}"
