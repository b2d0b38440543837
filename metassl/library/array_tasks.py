"""Tasks that are drawn from arrays in memory.

Legend: n items, h height, w width, c channels, d features, N way, U unlabelled.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from metassl.data.class_tasks import ClassTasks
from metassl.data.low_quality.quality import PARTS
from metassl.data.pool import Contents, input_shape
from metassl.errors import DataError, one_of
from metassl.library.episodes import Episodes
from metassl.library.inputs import inputs, labels
from metassl.library.random_views import Views, views_for


def episodes(
    x: Any,
    y: Any,
    *,
    classes: Sequence[Any] | None = None,
    split: str = "train",
    seed: int = 0,
    views: Views | None = None,
    way: int | Sequence[int] = 5,
    shot: int | Sequence[int] = 1,
    queries: int = 5,
    unlabelled: int = 5,
    distractors: int = 0,
    distractor_unlabelled: int = 5,
    imbalance: float = 1.0,
    dirichlet: float | None = None,
    class_aware: bool = True,
    transductive: bool = False,
    label_ratio: float = 1.0,
    label_seed: int = 0,
    label_noise: float | Sequence[float] = 0.0,
    corruption: str = "none",
    corruption_severity: float | Sequence[float] = 0.5,
    corruption_parts: Sequence[str] = PARTS,
) -> Episodes:
    """Makes tasks of arrays: an endless sequence of small problems with few labels.

    The arrays stay in memory; nothing is written to disk.

    Args:
        x: images [n, h, w] or [n, h, w, c], uint8 (0 to 255) or float, or float vectors [n, d].
        y: a label [n] for each, a whole number from 0 or a string.
        classes: the labels that take part; None: all. `Episodes.split_classes` divides them into training,
            validation and test.
        split: "train", "val" or "test"; says which random numbers are used, so that episodes of the same
            arrays, classes and seed differ from split to split.
        seed: of the episodes.
        views: kind -> a view of one's own, such as {"weak": metassl.data.views.Jitter(0.05)}. By default
            images are turned, shifted and scaled a little ("weak") or more ("strong"), and vectors get noise,
            as in conf/dataset/image_folder.yaml and arrays.yaml.
        way: N, classes a task; shot: labelled items a class. A range [low, high] is drawn anew for each task.
        queries: query items a class.
        unlabelled: M, unlabelled items a class.
        distractors: H, further classes whose items are mixed into U, `distractor_unlabelled` of each.
        imbalance, dirichlet, class_aware, transductive: see metassl.data.spec.EpisodeSpec.
        label_ratio, label_seed: share of each class's items that has labels in training, and the seed of that
            choice; the others can only be unlabelled. At validation and test every item may be either.
        label_noise: share of wrong labels in the support, or a range [low, high] of it.
        corruption: "none", "noise", "blur", "occlusion" or "missing": what damages the items of
            `corruption_parts`, by how much `corruption_severity` says, 0 to 1 or a range of it; see
            metassl.data.low_quality.kinds.

    Raises:
        DataError: arrays or labels of another form, NaN, an unknown class.
        ConfigError: a make-up that the arrays can't supply, such as more ways than classes.

    Fifty kinds of flowers that don't exist, twenty of each:

    >>> import metassl, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> centres = rng.normal(size=(50, 8))
    >>> y = np.repeat(np.arange(50), 20)
    >>> x = centres[y] + 0.5 * rng.normal(size=(1000, 8))
    >>> flowers = metassl.episodes(x, y, way=5, shot=1, unlabelled=4, queries=3)
    >>> task = flowers[7]
    >>> task.support_x.shape, task.unlabelled.views["plain"].shape, task.query_x.shape
    (torch.Size([5, 8]), torch.Size([20, 8]), torch.Size([15, 8]))

    The same number is the same task; its support and queries stay when the unlabelled items change:

    >>> bool((flowers[7].query_x == task.query_x).all())
    True
    >>> bool((flowers.having(unlabelled=10)[7].query_x == task.query_x).all())
    True

    Whole classes are held out for validation and test:

    >>> train, val, test = flowers.split_classes()
    >>> len(train.classes), len(val.classes), len(test.classes)
    (30, 10, 10)
    >>> set(train.classes) & set(test.classes)
    set()

    What can't be drawn is said in a line:

    >>> test.having(way=11)
    Traceback (most recent call last):
    metassl.errors.ConfigError: episode.way: way 11 + distractors 0 needs 11 classes, split 'test' has 10.
    """
    make_up = {
        "way": way, "shot": shot, "queries": queries, "unlabelled": unlabelled, "distractors": distractors,
        "distractor_unlabelled": distractor_unlabelled, "imbalance": imbalance, "dirichlet": dirichlet,
        "class_aware": class_aware, "transductive": transductive, "label_ratio": label_ratio,
        "label_seed": label_seed, "label_noise": label_noise, "corruption": corruption,
        "corruption_severity": corruption_severity, "corruption_parts": corruption_parts,
    }  # fmt: skip
    contents, values = _contents(inputs("x", x), y, classes, split)
    shown = views_for(input_shape(contents.items), views)
    return Episodes(ClassTasks(contents), values, make_up, shown, seed, split).checked()


def _contents(
    items: np.ndarray, y: Any, classes: Sequence[Any] | None, split: str
) -> tuple[Contents, list[Any]]:
    """The items sorted by class, the chosen classes as a split, and the labels of all as they were given."""
    values, rank, counts = np.unique(labels("y", y, len(items)), return_inverse=True, return_counts=True)
    order = np.argsort(rank, kind="stable")
    if (np.diff(order) != 1).any():
        items = items[order]
    names = [str(value) for value in values]
    chosen = list(range(len(names))) if classes is None else _places(names, classes)
    splits = {"train": chosen, split: chosen}  # these are all the classes that there are for a learner
    return Contents(items, counts.astype(np.int64), names, splits, {}), values.tolist()


def _places(names: Sequence[str], classes: Sequence[Any]) -> list[int]:
    """The place among the names of each class that was asked for, in the order of the names."""
    place = {name: k for k, name in enumerate(names)}
    wanted = [str(name) for name in classes]
    for name in wanted:
        if name not in place:
            raise DataError(one_of("classes", name, names))
    at = sorted(place[name] for name in wanted)
    for one, other in pairwise(at):
        if one == other:
            raise DataError(f"classes: found '{names[one]}' twice, allowed is each class once.")
    return at
