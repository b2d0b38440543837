"""A network of another library as what turns pictures into features.

Legend: C channels, D features.
"""

from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from metassl.errors import ConfigError

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
RGB = 3
Train = Literal["none", "last", "all", "lora"]


class Taken(NamedTuple):
    """A network as its library gives it, without the layer that names classes.

    Attributes:
        network: from pictures that are brought to mean 0 and deviation 1 to features.
        mean, std: of each channel of the pictures that it was trained on, in 0..1.
    """

    network: nn.Module
    mean: Sequence[float]
    std: Sequence[float]


class PretrainedNetwork(nn.Module):
    """Turns pictures into features by a network that stays in its evaluation mode, also while it is trained.

    z = network((resize(x) - mean) / std), x in 0..1; grey is repeated where the network wants colour. Batch
    normalisation takes the averages that it came with and nothing is dropped, so that the features of a
    picture depend on no other one, and a pass changes nothing.

    Args:
        taken: the network.
        channels: C of what it takes.
        size: pixels a side that pictures are resized to, bilinearly; None: as they are.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, taken: Taken, channels: int, size: int | None) -> None:
        super().__init__()
        self.network, self.size = taken.network.eval(), size
        for name, values in (("mean", taken.mean), ("std", taken.std)):
            each = list(islice(cycle(values), channels))
            self.register_buffer(name, torch.tensor(each).view(-1, 1, 1), persistent=False)

    def train(self, mode: bool = True) -> "PretrainedNetwork":
        """See nn.Module; the network within stays in its evaluation mode."""
        super().train(mode)
        self.network.eval()
        return self

    def whole_state(self) -> dict[str, Tensor]:
        """Its weights, and mean and deviation of pictures, which another version of a library may change."""
        return {**self.state_dict(), "mean": self.mean, "std": self.std}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Takes what `whole_state` of such a network gave; RuntimeError or KeyError for another one's."""
        own = {name: state[name] for name in ("mean", "std")}
        for name, value in own.items():
            if value.shape != getattr(self, name).shape:
                raise RuntimeError(f"{name} has the shape {tuple(value.shape)}")
        self.load_state_dict({name: value for name, value in state.items() if name not in own})
        self.mean, self.std = own["mean"], own["std"]

    def forward(self, x: Tensor) -> Tensor:
        """[n, C, H, W] in 0..1, or [n, 1, H, W] -> [n, D]."""
        if self.size is not None and x.shape[-2:] != (self.size, self.size):
            x = F.interpolate(x, (self.size, self.size), mode="bilinear", antialias=True)
        z: Tensor = self.network((x - self.mean) / self.std)
        return z.flatten(1)


def wanted_channels(key: str, input_shape: Sequence[int]) -> int:
    """C that a network is asked to take: grey goes to a network of colour.

    Raises ConfigError for inputs that are no pictures.
    """
    if len(input_shape) != 3:
        raise ConfigError(
            f"{key}: found inputs of shape {tuple(input_shape)}, but a pretrained network takes pictures; "
            "for vectors take backbone=mlp or backbone=adapter."
        )
    return RGB if input_shape[0] == 1 else input_shape[0]


@torch.no_grad()
def features_of(network: PretrainedNetwork, key: str, model: str, input_shape: Sequence[int]) -> int:
    """D. Raises ConfigError where the network can't take such pictures."""
    try:
        found: Tensor = network(torch.zeros(2, *input_shape))
    except Exception as error:  # of whatever layer is the first that the picture is too small for
        why = " ".join(str(error).split())[:150]
        raise ConfigError(
            f"{key}: {model} can't take pictures of shape {tuple(input_shape)} ({why}); {key}.size= resizes "
            "them, 224 is what most such networks were trained with."
        ) from None
    return int(found.shape[1])
