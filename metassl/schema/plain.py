"""A config as plain values, whatever of it can be resolved before a run."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from omegaconf import DictConfig, ListConfig
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

OF_HYDRA = "hydra"  # a key of Hydra's own, and the resolver of what only a running job knows


class Unresolved(NamedTuple):
    """A reference that leads nowhere: the key that has it, and why."""

    key: str
    why: str


def plain_values(config: Any) -> tuple[Any, list[Unresolved]]:
    """Nested dicts and lists, and what could not be resolved.

    Left out are Hydra's own keys, what has no value yet, and what refers to the running job.
    """
    lost: list[Unresolved] = []
    return _plain(config, "", lost), lost


def _plain(node: Any, key: str, lost: list[Unresolved]) -> Any:
    if isinstance(node, DictConfig | dict):
        if isinstance(node, DictConfig) and (node._is_none() or node._is_missing()):
            return None
        return {str(k): _plain(v, below(key, k), lost) for k, v in _items(node, list(node), key, lost)}
    if isinstance(node, ListConfig | list | tuple):
        if isinstance(node, ListConfig) and (node._is_none() or node._is_missing()):
            return None
        pairs = _items(node, range(len(node)), key, lost)
        return [_plain(value, below(key, k), lost) for k, value in pairs]
    return node.item() if hasattr(node, "item") else node


def _items(node: Any, keys: Any, above: str, lost: list[Unresolved]) -> Iterator[tuple[Any, Any]]:
    for key in keys:
        if (not above and key == OF_HYDRA) or _of_the_job(node, key):
            continue
        try:
            value = node[key]
        except MissingMandatoryValue:
            continue
        except OmegaConfBaseException as error:
            if "HydraConfig was not set" not in str(error):
                lost.append(Unresolved(below(above, key), str(error).splitlines()[0]))
            continue
        yield key, value


def _of_the_job(node: Any, key: Any) -> bool:
    """Whether a value refers to what only the running job knows."""
    found = node._get_node(key) if isinstance(node, DictConfig) else None
    written = None if found is None else found._value()
    return isinstance(written, str) and f"${{{OF_HYDRA}:" in written


def below(above: str, key: object) -> str:
    """The dotted key of `key` within `above`."""
    return f"{above}.{key}" if above else str(key)
