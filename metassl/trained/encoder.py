"""The network that makes pictures the vectors that a learner was trained on; it travels with the model.

Legend: n pictures, H height, W width, C channels, d features.
"""

from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from metassl.construct import construct
from metassl.data.images.encoders import PictureEncoder
from metassl.errors import ConfigError, UserError
from metassl.targets import located
from metassl.weights_file import read_weights

MOST = 20_000  # vectors that are kept
NOT_READ = {"weights": None, "device": "cpu", "seed": 0}  # the weights travel, the machine doesn't


class TrainedEncoder:
    """Makes vectors of pictures as they were made of those of the training, of each picture once.

    What was embedded is kept by its content, since a classifier looks at the same pictures again and again. A
    copy of it is itself, for nothing else of it changes.

    Args:
        section: of a config, under features: which network, at which size, and whether vectors have length 1.
        weights: of the network, and the mean and deviation of pictures, by name.
        shape: (C, H, W) of pictures.
        name: for messages.

    Raises:
        UserError: the network can't be made, such as one of timm without timm, or has other weights.
    """

    def __init__(
        self,
        section: Mapping[str, Any],
        weights: Mapping[str, Tensor],
        shape: tuple[int, ...],
        name: str,
    ) -> None:
        self.section, self.shape, self.name = {**section, **NOT_READ}, shape, name
        self.embedder = _embedder(self.section, name)
        self.network = self.embedder.network(shape)
        try:
            self.network.restore(weights)
        except (RuntimeError, KeyError, TypeError, ValueError, AttributeError) as error:
            reason = " ".join(str(error).split())
            raise UserError(f"{name}: no weights of {self.embedder.title} ({reason[:200]}).") from None
        self._known: dict[bytes, NDArray[np.float32]] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.section, self.weights, self.shape, self.name)

    @property
    def title(self) -> str:
        """Whose network it is."""
        return self.embedder.title

    @property
    def weights(self) -> dict[str, Tensor]:
        """See the argument."""
        return self.network.whole_state()

    def __call__(self, pictures: NDArray[Any]) -> NDArray[np.float32]:
        """[n, H, W, C] uint8, or float32 in 0..1 -> [n, d]."""
        keys = [blake2b(picture.tobytes()).digest() for picture in pictures]
        found = {key: self._known[key] for key in keys if key in self._known}
        new = {key: row for row, key in enumerate(keys) if key not in found}
        if new:
            made = dict(
                zip(new, self.embedder.embedded(pictures[[*new.values()]], self.network), strict=True)
            )
            if len(self._known) + len(made) > MOST:
                self._known.clear()
            self._known |= made
            found |= made
        return np.stack([found[key] for key in keys])


def _embedder(section: Mapping[str, Any], name: str) -> PictureEncoder:
    target = str(section.get("_target_"))
    kind = located(target)
    if not (isinstance(kind, type) and issubclass(kind, PictureEncoder)):
        raise ConfigError(
            f"{name}: found '{target}' in front of the learner, allowed are what features=torchvision and "
            "features=timm make."
        )
    made: PictureEncoder = construct(section, {})
    return made


def read_encoder(path: Path, section: Mapping[str, Any], shape: tuple[int, ...]) -> TrainedEncoder:
    """The encoder of a file of weights, which may come from anywhere.

    Raises:
        UserError: no such file, a damaged one, or weights of another network.
        ConfigError: it would build another class than those that embed pictures.
    """
    if not path.is_file():
        raise UserError(
            f"model: {path}: not found; it holds the weights of {section.get('model')}, which made "
            "vectors of the pictures of the training, and goes with the other files."
        )
    return TrainedEncoder(section, read_weights(path, "model"), shape, str(path))
