"""Whether a run's pictures are embedded once, before its tasks are drawn, and what views then are."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from metassl.data.images.embedded import Embedded, EmbeddedTasks
from metassl.data.images.encoders import PictureFeatures
from metassl.data.pool import Contents, Source, input_shape
from metassl.data.task_source import PreparedTasks, TaskSource
from metassl.errors import ConfigError
from metassl.files import write_atomically
from metassl.instantiate import instantiate
from metassl.runs.file_names import ENCODER
from metassl.weights_file import write_weights

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
    embedded = Embedded(source, features, load)
    return EmbeddedTasks(load(embedded), embedded)


def keep_encoder(source: TaskSource, folder: Path, cache: Path) -> None:
    """Lays the weights of what made vectors of a run's pictures into its folder, for pictures of later.

    They lie once beside the prepared data; where file systems allow it, a run's file is another name of that.

    Args:
        source: of the run's tasks; nothing is done where no network embeds its pictures.
        folder: of the run.
        cache: where prepared data lie.
    """
    if not isinstance(source, EmbeddedTasks) or source.encoder is None:
        return
    encoder, shape = source.encoder, input_shape(source.pictures())
    about = json.dumps([dict(encoder.fingerprint()), shape[0]], sort_keys=True)
    kept = cache / f"encoder-{hashlib.sha256(about.encode()).hexdigest()[:12]}.safetensors"
    if not kept.is_file():
        write_weights(kept, encoder.network(shape).whole_state(), {}, half=False)
    write_atomically(folder / ENCODER, lambda path: _second_name(kept, path))


def _second_name(file: Path, path: Path) -> None:
    try:
        os.link(file, path)
    except OSError:
        shutil.copyfile(file, path)


def view_nodes(config: DictConfig) -> Mapping[str, Any]:
    """What 'weak' and 'strong' mean for the items of a run: for features, if that is what they are."""
    dataset = config.dataset
    if dataset.get("features") is None:
        return dict(dataset.get("views", {}))
    return dict(dataset.get("feature_views", {}))
