"""A source of pictures, of which the store keeps the features."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from metassl.data.class_tasks import ClassTasks
from metassl.data.images.encoders import PictureEncoder, PictureFeatures
from metassl.data.pool import Contents, Source
from metassl.errors import ConfigError


@dataclass(frozen=True)
class Embedded:
    """The classes and splits of a source of pictures, with a vector in the place of each picture.

    Attributes:
        source: of the pictures.
        features: turns them into vectors.
        load: has the pictures prepared, as they would be without features.
    """

    source: Source
    features: PictureFeatures
    load: Callable[[Source], Contents]

    @property
    def name(self) -> str:
        """The source's."""
        return self.source.name

    def fingerprint(self) -> Mapping[str, Any]:
        """Of the source and of the features."""
        return {"pictures": dict(self.source.fingerprint()), "features": dict(self.features.fingerprint())}

    def read(self) -> Contents:
        """Raises ConfigError for a source of anything but pictures, and UserErrors of the features."""
        found = self.load(self.source)
        if found.items.ndim != 4:
            raise ConfigError(
                f"features: found items of shape {found.items.shape[1:]} in '{self.name}', which are no "
                "pictures. Allowed with features are pictures, [n, h, w, c]; vectors need none."
            )
        items = self.features.embed_pictures(found.items)
        about = [str(found.meta["said"])] if "said" in found.meta else []
        said = ", ".join([*about, self.features.said()])
        return Contents(items, found.counts, found.class_names, found.splits, {**found.meta, "said": said})


@dataclass(frozen=True)
class EmbeddedTasks(ClassTasks):
    """Tasks of classes of pictures, of which learners get the features.

    Attributes:
        source: of the pictures and their features.
    """

    source: Embedded

    @property
    def encoder(self) -> PictureEncoder | None:
        """The network that makes vectors of other pictures alike; None where something else made them."""
        found = self.source.features
        return found if isinstance(found, PictureEncoder) else None

    def pictures(self) -> np.ndarray:
        """[n, h, w, c] of which `items` are the features, row by row."""
        return self.source.load(self.source.source).items
