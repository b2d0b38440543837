"""Networks of timm."""

from collections.abc import Sequence
from typing import Any

from torch import nn

from metassl.errors import ConfigError, DataError
from metassl.pretrained.attention import write_out_attention
from metassl.pretrained.names import unknown_model
from metassl.pretrained.network import IMAGENET_MEAN, IMAGENET_STD, Taken
from metassl.pretrained.weights import HUB, load_file


def of_timm(key: str, model: str, weights: str | None, channels: int) -> Taken:
    """A network of timm without its classifier, with the mean and deviation that it was trained with.

    Args:
        key: of the config, "backbone" or "features", for messages.
        model: a name of `timm.list_models()`, which may have the tag of certain weights behind a dot.
        weights: None for random ones, "hub" for those that timm downloads, or a file.
        channels: of the pictures.

    Raises:
        UserError: timm is not installed, an unknown name, or weights that can't be had.
    """
    timm = _timm(key)
    if not timm.is_model(model):
        raise ConfigError(unknown_model(f"{key}.model", model, timm.list_models(), "timm.list_models()"))
    network = _made(timm, key, model, weights == HUB, channels)
    about = network.pretrained_cfg
    assert isinstance(about, dict)
    if weights is not None and weights != HUB:
        load_file(network, weights, f"{key}.weights", model, _heads(about))
    write_out_attention(network)
    return Taken(network, about.get("mean") or IMAGENET_MEAN, about.get("std") or IMAGENET_STD)


def _timm(key: str) -> Any:
    try:
        import timm
    except ImportError as error:
        raise ConfigError(
            f"{key}: timm's networks need the package timm ({error}): pip install 'metassl[timm]'."
        ) from None
    return timm


def _made(timm: Any, key: str, model: str, download: bool, channels: int) -> nn.Module:
    try:
        network: nn.Module = timm.create_model(model, pretrained=download, num_classes=0, in_chans=channels)
    except Exception as error:  # of the hub, of the network, of a tag that the model has not
        why = " ".join(str(error).split())[:150]
        if not download:
            raise ConfigError(f"{key}.model: '{model}' can't be made ({why}).") from None
        raise DataError(
            f"{key}.weights: those of {model} can't be downloaded ({why}). Without a network give a file of "
            "weights, .safetensors, .pt or .pth."
        ) from None
    return network


def _heads(about: dict[str, Any]) -> Sequence[str]:
    """Names of the layers that name classes."""
    found = about.get("classifier") or ()
    return [found] if isinstance(found, str) else list(found)
