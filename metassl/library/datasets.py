"""The project's data sets as arrays."""

import numpy as np
from numpy.typing import NDArray
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from metassl.data.pool import SPLITS
from metassl.errors import ConfigError, one_of
from metassl.library.configs import Options, composed
from metassl.training.build import build_contents


def dataset(
    name: str = "glyphs", split: str | None = None, options: Options = ()
) -> tuple[NDArray[np.generic], NDArray[np.str_]]:
    """Loads a data set of the project as arrays: "glyphs", which is embedded, or another that is at hand.

    It is prepared once, in `METASSL_CACHE_DIR` (default `METASSL_DATA_DIR/prepared`; of that, `data`), where
    runs of the command find it too, and is read from there ever after. Glyphs take some seconds and 42 MB.

    Args:
        name: a name of conf/dataset, such as "glyphs" or "omniglot".
        split: "train", "val" or "test" for the classes of that split of the data set; None: all.
        options: {"dataset.source.size": 32} and the like.

    Returns:
        x: [n, h, w, c] uint8, or what the data set holds, sorted by class.
        y: [n] names of their classes.

    Raises:
        DataError: the data set is not at hand, or damaged. ConfigError: an unknown name, split or option.

    >>> import metassl
    >>> x, y = metassl.dataset("glyphs", split="test")
    >>> x.shape, x.dtype.name, len(set(y)), str(y[0])
    ((12140, 28, 28, 1), 'uint8', 607, 'ARABIC/U+...')
    """
    if split not in (None, *SPLITS):
        raise ConfigError(one_of("split", split, SPLITS))
    config = composed({"dataset": name}, options, allowed=("dataset", "paths"))
    missing = OmegaConf.missing_keys(config.dataset)
    if missing:
        key = min(missing)
        raise ConfigError(f"{key}: has no default, give it as options={{'{key}': ...}}.")
    try:
        contents = build_contents(config)
    except OmegaConfBaseException as error:
        raise ConfigError(f"dataset: {str(error).splitlines()[0]}") from None
    starts = np.cumsum(contents.counts) - contents.counts
    chosen = range(len(contents.counts)) if split is None else sorted(contents.splits[split])
    rows = [np.arange(starts[k], starts[k] + contents.counts[k]) for k in chosen]
    y = np.repeat(np.asarray(contents.class_names)[list(chosen)], np.asarray(contents.counts)[list(chosen)])
    return _taken(contents.items, np.concatenate(rows) if rows else np.arange(0)), y


def _taken(items: NDArray[np.generic], rows: NDArray[np.int64]) -> NDArray[np.generic]:
    """These rows; where they follow each other without a copy, so that large data sets stay on the disk."""
    if len(rows) and rows[-1] - rows[0] + 1 == len(rows):
        return items[rows[0] : rows[-1] + 1]
    return items[rows]
