"""Whether a run's pictures are embedded once, before its tasks are drawn, and what views then are."""

from collections.abc import Callable, Mapping
from typing import Any

from omegaconf import DictConfig

from metassl.data.class_tasks import ClassTasks
from metassl.data.images.embedded import Embedded
from metassl.data.images.encoders import PictureFeatures
from metassl.data.pool import Contents, Source
from metassl.data.task_source import PreparedTasks, TaskSource
from metassl.errors import ConfigError
from metassl.instantiate import instantiate

Load = Callable[[Source], Contents]


def picture_features(config: DictConfig) -> PictureFeatures | None:
    """What embeds the pictures of a run's data set; None where they stay pictures, or are texts.

    Raises ConfigError for features of texts with pictures, and the other way round.
    """
    dataset, of_texts = config.dataset, "features" in config.dataset.source
    chosen = dataset.get("features")
    if chosen is not None and of_texts:
        raise ConfigError(
            f"features: found features of pictures, but dataset '{dataset.name}' holds texts. Allowed with "
            "it: features=tfidf, features=minilm or features=sentence_encoder."
        )
    if chosen is None:
        if config.get("features") is not None and not of_texts:
            raise ConfigError(
                f"features: found features of texts, but dataset '{dataset.name}' holds none. Allowed with "
                "pictures: features=torchvision or features=timm."
            )
        return None
    found: PictureFeatures = instantiate(chosen)
    return found


def embedded_tasks(source: Any, features: PictureFeatures, load: Load, name: str) -> TaskSource:
    """Tasks on the features of the pictures of a source.

    Raises ConfigError where the source makes its tasks itself.
    """
    if isinstance(source, TaskSource | PreparedTasks):
        raise ConfigError(
            f"features: dataset '{name}' makes its tasks itself. Allowed with features are data sets of "
            "pictures by class, such as image_folder."
        )
    return ClassTasks(load(Embedded(source, features, load)))


def view_nodes(config: DictConfig) -> Mapping[str, Any]:
    """What 'weak' and 'strong' mean for the items of a run: for features, if that is what they are."""
    dataset = config.dataset
    if dataset.get("features") is None:
        return dict(dataset.get("views", {}))
    return dict(dataset.get("feature_views", {}))
