"""The project's data sets by name: as tasks, or as arrays."""

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf

from metassl.data.class_tasks import ClassTasks
from metassl.data.pool import SPLITS
from metassl.errors import ConfigError, one_of
from metassl.instantiate import instantiate
from metassl.library.configs import Options, composed
from metassl.library.episodes import Episodes
from metassl.training.build import build_source, build_task_spec, make_up_values
from metassl.training.embedding import view_nodes


def episodes_of(name: str, split: str = "train", *, options: Options = (), seed: int = 0) -> Episodes:
    """Makes tasks of a data set of the project, with its own split, views and make-up: those of the command.

    Args:
        name: a name of conf/dataset, such as "glyphs", "omniglot" or "curves", whose tasks ask for values.
        split: "train", "val" or "test".
        options: {"episode.way": 3, "dataset.source.noise": 0.3, "outcome": "ranking"} and the like. What
            differs at validation and test is `episode.test.…`, as with the command.
        seed: of the episodes.

    Raises:
        DataError: the data set is not at hand, or damaged.
        ConfigError: an unknown name, split or option.

    >>> import metassl
    >>> train, test = (metassl.episodes_of("curves", split) for split in ("train", "test"))
    >>> test[0].support_x.shape, test.task.outcome.name
    (torch.Size([10, 1]), 'regression')
    >>> learner = metassl.learner("r2d2", task=train.task)
    >>> history = metassl.fit(learner, train, steps=30)
    >>> metassl.evaluate(learner, test, count=30)
    30 tasks: 10 labelled and 20 unlabelled points, 20 queries; mean squared error, mean ± 95% interval
      mean squared error                   ... ± ...
      mean absolute error                  ... ± ...
      explained share of the variance, R²  ... ± ...
      a guess that knows no input          ...
    """
    config = _config(name, options, ("dataset", "features", "episode", "outcome", "paths"))
    source = build_source(config)
    task = build_task_spec(config, source)
    make_up, changes = make_up_values(config)
    views = {str(kind): instantiate(node) for kind, node in view_nodes(config).items()}
    labels = source.contents.class_names if isinstance(source, ClassTasks) else []
    return Episodes(source, labels, make_up, views, seed, split, task.outcome, changes).checked()


def dataset(
    name: str = "glyphs", split: str | None = None, *, options: Options = ()
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
        DataError: the data set is not at hand, or damaged.
        ConfigError: an unknown name, split or option, or a data set without classes.

    >>> import metassl
    >>> x, y = metassl.dataset("glyphs", split="test")
    >>> x.shape, x.dtype.name, len(set(y)), str(y[0])
    ((12140, 28, 28, 1), 'uint8', 607, 'ARABIC/U+...')
    """
    if split not in (None, *SPLITS):
        raise ConfigError(one_of("split", split, SPLITS))
    source = build_source(_config(name, options, ("dataset", "features", "paths")))
    if not isinstance(source, ClassTasks):
        raise ConfigError(f"dataset: '{name}' makes its tasks itself; take metassl.episodes_of('{name}').")
    contents = source.contents
    starts = np.cumsum(contents.counts) - contents.counts
    chosen = list(range(len(contents.counts))) if split is None else sorted(contents.splits[split])
    rows = [np.arange(starts[k], starts[k] + contents.counts[k]) for k in chosen]
    y = np.repeat(np.asarray(contents.class_names)[chosen], np.asarray(contents.counts)[chosen])
    return _taken(contents.items, np.concatenate(rows) if rows else np.arange(0)), y


def _config(name: str, options: Options, allowed: tuple[str, ...]) -> DictConfig:
    config = composed({"dataset": name}, options, allowed=allowed)
    missing = OmegaConf.missing_keys(config.dataset)
    if missing:
        key = min(missing)
        raise ConfigError(f"{key}: has no default, give it as options={{'{key}': ...}}.")
    return config


def _taken(items: NDArray[np.generic], rows: NDArray[np.int64]) -> NDArray[np.generic]:
    """These rows; where they follow each other without a copy, so that large data sets stay on the disk."""
    if len(rows) and rows[-1] - rows[0] + 1 == len(rows):
        return items[rows[0] : rows[-1] + 1]
    return items[rows]
