"""What "weak" and "strong" mean for inputs that no data set's config speaks of."""

from collections.abc import Mapping
from functools import cache

from omegaconf import OmegaConf

from metassl.data.views import View
from metassl.instantiate import instantiate
from metassl.shipped import conf_folder

Views = Mapping[str, View]


def views_for(input_shape: tuple[int, ...], given: Views | None = None) -> Views:
    """Kind of view -> what makes it: by `conf/dataset` for a user's own pictures or vectors, or as given.

    Args:
        input_shape: of one input.
        given: kinds of the caller's own, which take the place of those of the same names.
    """
    option = "image_folder" if len(input_shape) == 3 else "arrays"
    return _views(option) | dict(given or {})


@cache
def _views(option: str) -> dict[str, View]:
    nodes = OmegaConf.load(conf_folder() / "dataset" / f"{option}.yaml").views
    return {str(kind): instantiate(node) for kind, node in nodes.items()}
