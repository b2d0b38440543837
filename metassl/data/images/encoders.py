"""Pictures to vectors, by networks of torchvision and timm that stay as they are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from metassl.data.pool import input_shape
from metassl.data.preparing.progress import track
from metassl.errors import ConfigError, UserError
from metassl.files import sha256_of
from metassl.pretrained.network import PretrainedNetwork, Taken, features_of, wanted_channels
from metassl.pretrained.of_timm import of_timm
from metassl.pretrained.of_torchvision import of_torchvision
from metassl.pretrained.weights import HUB
from metassl.schema.constructor import checked
from metassl.schema.ranges import Count, Pixels, Seed, Switch, Word

KEY = "features"


@runtime_checkable
class PictureFeatures(Protocol):
    """Turns pictures into vectors."""

    def fingerprint(self) -> Mapping[str, Any]:
        """All that determines the vectors besides the pictures."""
        ...

    def embed_pictures(self, items: np.ndarray) -> NDArray[np.float32]:
        """[n, h, w, c] uint8, or float32 in 0..1 -> [n, d].

        Raises UserError for weights that can't be had, or pictures that can't be taken.
        """
        ...

    def said(self) -> str:
        """What it is, for the first line of a run."""
        ...


class PictureEncoder:
    """Turns pictures into vectors by a pretrained network, which stays as it is.

    Source: Chen et al. 2021 (Meta-Baseline), section 3: features of a network that was trained as a whole.

    Args:
        model: a name of the library's networks.
        weights: None: random, which is of use as a control alone; hub: downloaded by the library; or a file
            .safetensors, .pt or .pth.
        size: pixels a side that pictures are resized to, bilinearly; None: as they are.
        unit: whether vectors are scaled to length 1.
        batch: pictures at once.
        seed: of random weights.
        device: cpu, or cuda, whose last digits are others.
    """

    library: ClassVar[str]

    @checked(KEY)
    def __init__(
        self,
        model: Word = "resnet18",
        weights: Word | None = None,
        size: Pixels | None = 224,
        unit: Switch = True,
        batch: Count = 64,
        seed: Seed = 0,
        device: Literal["cpu", "cuda"] = "cpu",
    ) -> None:
        self.model, self.weights, self.size, self.unit = model, weights, size, unit
        self.batch, self.seed, self.device = batch, seed, device

    def taken(self, channels: int) -> Taken:
        """The network."""
        raise NotImplementedError

    def fingerprint(self) -> Mapping[str, Any]:
        """The network's name, size and hash of its weights. Raises UserError for no such file."""
        about = {"features": self.library, "version": 2, "model": self.model, "size": self.size}
        weights: Any = self.weights
        if weights is None:
            weights = {"seed": self.seed}
        elif weights != HUB:
            weights = _contents(Path(weights))
        return {**about, "unit": self.unit, "weights": weights}

    @property
    def title(self) -> str:
        """Whose network it is."""
        return f"{self.library}'s {self.model}"

    def said(self) -> str:
        """See PictureFeatures."""
        weights = {None: "random weights", HUB: "downloaded weights"}.get(self.weights, f"'{self.weights}'")
        return f"features of {self.title}, {weights}"

    def embed_pictures(self, items: np.ndarray) -> NDArray[np.float32]:
        """See PictureFeatures."""
        return self.embedded(items, self.network(input_shape(items)))

    @torch.no_grad()
    def embedded(self, items: np.ndarray, network: PretrainedNetwork) -> NDArray[np.float32]:
        """See PictureFeatures.embed_pictures; by a network that `network` gave."""
        parts = []
        for start in track(range(0, len(items), self.batch), f"{self.model} ({self.batch} pictures)"):
            some = torch.from_numpy(np.array(items[start : start + self.batch])).to(self.device)
            x = some.permute(0, 3, 1, 2).float()
            z = network(x / 255 if some.dtype == torch.uint8 else x)
            parts.append((F.normalize(z, dim=1) if self.unit else z).cpu().numpy())
        return np.concatenate(parts).astype(np.float32)

    def network(self, shape: tuple[int, ...]) -> PretrainedNetwork:
        """The network, with its weights, for pictures of a shape (C, H, W)."""
        if self.device == "cuda" and not torch.cuda.is_available():
            raise ConfigError(f"{KEY}.device: found cuda, which is not there. Allowed here: cpu.")
        channels = wanted_channels(KEY, shape)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            network = PretrainedNetwork(self.taken(channels), channels, self.size)
        features_of(network, KEY, self.model, shape)
        return network.to(self.device).eval()


class TorchvisionFeatures(PictureEncoder):
    """Turns pictures into vectors by a classification network of torchvision without its last layer.

    Args:
        model, weights, size, unit, batch, seed, device: see PictureEncoder.
    """

    library = "torchvision"

    def taken(self, channels: int) -> Taken:
        """See PictureEncoder."""
        return of_torchvision(KEY, self.model, self.weights, channels)


class TimmFeatures(PictureEncoder):
    """Turns pictures into vectors by a network of timm without its classifier.

    Args:
        model, weights, size, unit, batch, seed, device: see PictureEncoder.
    """

    library = "timm"

    def taken(self, channels: int) -> Taken:
        """See PictureEncoder."""
        return of_timm(KEY, self.model, self.weights, channels)


def _contents(file: Path) -> dict[str, Any]:
    """What tells a file of weights from another one, wherever it lies."""
    try:
        return {"bytes": file.stat().st_size, "sha256": sha256_of(file)}
    except OSError as error:
        raise UserError(f"{KEY}.weights: {file}: can't be read ({error.strerror or error}).") from None
