"""Classification networks of torchvision."""

import warnings
from types import ModuleType

from torch import nn

from metassl.errors import ConfigError, DataError
from metassl.pretrained.attention import write_out_attention
from metassl.pretrained.names import unknown_model
from metassl.pretrained.network import IMAGENET_MEAN, IMAGENET_STD, RGB, Taken
from metassl.pretrained.weights import HUB, load_file


def of_torchvision(key: str, model: str, weights: str | None, channels: int) -> Taken:
    """A network of torchvision without its last linear layer.

    Args:
        key: of the config, "backbone" or "features", for messages.
        model: a name of `torchvision.models.list_models(module=torchvision.models)`.
        weights: None for random ones, "hub" for those that torchvision downloads, or a file.
        channels: of the pictures.

    Raises:
        UserError: an unknown name, other than three channels, or weights that can't be had.
    """
    models = _models()
    known = models.list_models(module=models)
    if model not in known:
        names = "torchvision.models.list_models(module=torchvision.models)"
        raise ConfigError(unknown_model(f"{key}.model", model, known, names))
    if channels != RGB:
        raise ConfigError(
            f"{key}: found pictures of {channels} channels, {model} takes 3, or 1, which is repeated."
        )
    network = _made(models, key, model, weights == HUB)
    if hasattr(network, "transform_input"):
        # as GoogLeNet's published weights expect it, of whatever weights: where they came from is not kept
        setattr(network, "transform_input", True)  # noqa: B010
    head = _without_last_layer(key, model, network)
    if weights is not None and weights != HUB:
        load_file(network, weights, f"{key}.weights", model, [head])
    write_out_attention(network)
    return Taken(network, IMAGENET_MEAN, IMAGENET_STD)


def _models() -> ModuleType:
    from torchvision import models  # here, since its import takes a second that most runs have no use for

    found: ModuleType = models
    return found


def _made(models: ModuleType, key: str, model: str, download: bool) -> nn.Module:
    with warnings.catch_warnings(action="ignore", category=FutureWarning):  # of how weights start
        try:
            network: nn.Module = models.get_model(model, weights="DEFAULT" if download else None)
        except Exception as error:  # of the network, of the disk, of a damaged download
            why = " ".join(str(error).split())[:150]
            raise DataError(
                f"{key}.weights: those of {model} can't be downloaded ({why}). Without a network give a file "
                "of weights, .safetensors, .pt or .pth."
            ) from None
    return network


def _without_last_layer(key: str, model: str, network: nn.Module) -> str:
    """Takes the last linear layer away and returns its name."""
    names = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    if not names:
        raise ConfigError(f"{key}.model: found '{model}', which ends in no linear layer.")
    above, _, last = names[-1].rpartition(".")
    setattr(network.get_submodule(above), last, nn.Identity())
    return names[-1]
