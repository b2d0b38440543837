"""Low-rank corrections beside a network's layers, by peft: few weights to train, while the many stay."""

import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from metassl.errors import ConfigError

OWN = ".lora_"  # in the names of what is added


class LowRank(NamedTuple):
    """How large the corrections are.

    Attributes:
        rank: r of each.
        alpha: α; a correction counts α / r times.
    """

    rank: int
    alpha: float


def add_low_rank(network: nn.Module, example: Tensor, key: str, size: LowRank) -> None:
    """Puts a correction beside every linear layer, or, where a network has none, every whole convolution.

    W x becomes W x + (α / r) B A x, with B = 0 at first, so that the network begins as it was. A layer whose
    weights another one reads without calling it, as torch's own attention does, is left out: a correction
    beside it would do nothing.

    Source: Hu et al. 2022 (LoRA), section 4.1, eq. 3; of a convolution A has its kernel and B is 1×1.

    Args:
        network: changed in place; its names get `.base_layer` where there is a correction.
        example: an input, which shows what is called.
        key: of the config, for messages.
        size: see LowRank.

    Raises:
        ConfigError: peft is not installed, or the network has no such layer.
    """
    called = _called(network, example)
    names = [*_of_kind(called, nn.Linear)] or [*_of_kind(called, nn.Conv2d)]
    if not names:
        raise ConfigError(f"{key}.train: found lora, and a network without a layer that it could correct.")
    peft = _peft(key)
    # by whole names: peft takes a name for the end of others
    targets = "|".join(map(re.escape, names))
    how = peft.LoraConfig(r=size.rank, lora_alpha=size.alpha, target_modules=f"({targets})")
    with warnings.catch_warnings(action="ignore"):  # of networks that are none of transformers
        peft.inject_adapter_in_model(how, network)


def low_rank_parameters(network: nn.Module) -> list[Tensor]:
    """What `add_low_rank` has added."""
    return [p for name, p in network.named_parameters() if OWN in name]


@torch.no_grad()
def _called(network: nn.Module, example: Tensor) -> dict[str, nn.Module]:
    """The parts that a pass calls, by name."""
    parts, met = dict(network.named_modules()), set[nn.Module]()
    hooks = [part.register_forward_hook(lambda part, *_: met.add(part)) for part in parts.values()]
    network(example)
    for hook in hooks:
        hook.remove()
    return {name: part for name, part in parts.items() if part in met}


def _of_kind(parts: Mapping[str, nn.Module], kind: type[nn.Module]) -> Iterator[str]:
    return (name for name, m in parts.items() if isinstance(m, kind) and getattr(m, "groups", 1) == 1)


def _peft(key: str) -> Any:
    try:
        with warnings.catch_warnings(action="ignore"):
            import peft
    except ImportError as error:
        raise ConfigError(
            f"{key}.train: lora needs the package peft ({error}): pip install 'metassl[lora]'."
        ) from None
    return peft
