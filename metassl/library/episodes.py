"""An endless, reproducible sequence of tasks that are drawn from arrays in memory.

Legend: n items, h height, w width, c channels, d features, N way, S support, U unlabelled, Q query.
"""

from collections.abc import Iterator, Sequence
from itertools import count, pairwise
from typing import Any

import numpy as np

from metassl.data.builder import PLAIN, EpisodeBuilder
from metassl.data.class_splits import by_ratio
from metassl.data.pool import SPLITS, Pool
from metassl.data.sampler import EpisodeSampler
from metassl.data.spec import episode_spec, to_count
from metassl.errors import ConfigError, DataError, one_of
from metassl.learners.base import MetaLearner
from metassl.library.inputs import input_shape, inputs, labels
from metassl.library.random_views import Views, chosen_views, views_for
from metassl.tasks.episode import Episode, TaskBatch
from metassl.tasks.spec import TaskSpec


class Episodes:
    """An endless sequence of tasks: `episodes[i]` is the i-th, the same each time it is asked for.

    A task is a function of (seed, split, i) alone. Its support, unlabelled and query items are different
    items, and support and queries stay what they are when the number of unlabelled items or distractors
    changes. `metassl.episodes` makes one.

    Attributes:
        classes: the labels that tasks are drawn from, as they were given.
        spec: the make-up of a task.
        task: what a learner has to know of the tasks.
        seed, split: of the random numbers; episodes of different splits are drawn independently.
    """

    def __init__(
        self,
        pool: Pool,
        classes: Sequence[Any],
        make_up: dict[str, Any],
        seed: int,
        split: str,
        views: Views,
        base_classes: int,
    ) -> None:
        self.pool, self.classes, self._make_up = pool, list(classes), make_up
        self.seed, self.split, self.views = to_count("seed", seed, 0), split, views
        self.spec = episode_spec(**make_up)
        self.task = TaskSpec(self.spec.way.high, input_shape(pool.items), base_classes)

    def __getitem__(self, number: int) -> Episode:
        """The task of this number, with its unlabelled items as they are."""
        if number < 0:
            raise IndexError(f"episodes[{number}]: tasks are numbered from 0, without an end")
        return self.builder()(range(number, number + 1)).episodes.task(0)

    def __iter__(self) -> Iterator[Episode]:
        """The tasks from number 0 on, for ever."""
        return (self[number] for number in count())

    def __repr__(self) -> str:
        """The make-up in a line."""
        options = ", ".join(f"{key}={value}" for key, value in self._make_up.items())
        return f"<Episodes of {len(self.classes)} classes, split='{self.split}', seed={self.seed}: {options}>"

    def batch(self, numbers: Sequence[int], learner: MetaLearner, training: bool = False) -> TaskBatch:
        """The tasks of these numbers as `learner` meets them: with the views it asks for, and the oracle.

        Args:
            numbers: of the tasks, such as range(4).
            learner: says which views and random numbers it needs.
            training: as in meta-training, or as at test.
        """
        return self.builder(learner, training)(numbers)

    def builder(self, learner: MetaLearner | None = None, training: bool = False) -> EpisodeBuilder:
        """What makes meta-batches for a learner, by the same sampler as the command's.

        Raises:
            ConfigError: there are too few classes or items for such tasks.
        """
        inner, outer = {PLAIN: PLAIN}, {}
        draws = task_draws = 0
        if learner is not None:
            inner, outer = (dict(f(training)) for f in (learner.ssl.inner_views, learner.ssl.outer_views))
            draws, task_draws = learner.ssl.objective.draws(self.task.input_shape), learner.draws
        sampler = EpisodeSampler(self.pool, self.spec, self.seed, self.split, outer=bool(outer))
        views = chosen_views({**inner, **outer}, self.views)
        return EpisodeBuilder(sampler, views, bool(inner), bool(outer), draws, task_draws)

    def having(self, **changes: Any) -> "Episodes":
        """The same classes, seed and split with another make-up, such as `unlabelled=20`."""
        for key in changes:
            if key not in self._make_up:
                raise ConfigError(one_of("episode", key, self._make_up))
        return self._like(self.pool, self.classes, self.split, self.task.base_classes, **changes).checked()

    def split_classes(
        self, ratio: Sequence[float] = (0.6, 0.2, 0.2), seed: int = 0
    ) -> tuple["Episodes", "Episodes", "Episodes"]:
        """Episodes for training, validation and test, which share no class.

        At validation and test every item may be labelled, whatever `label_ratio` training has.

        Args:
            ratio: shares of the classes for train, val and test; a share may be 0.
            seed: of the choice.
        """
        try:
            parts = by_ratio(len(self.classes), ratio, seed)
        except ConfigError as error:
            raise ConfigError(str(error).removeprefix("dataset.source.")) from None
        base = len(parts["train"])
        train, val, test = (self._part(split, parts[split], base) for split in SPLITS)
        return train, val, test

    def checked(self) -> "Episodes":
        """Itself, if tasks can be drawn; raises ConfigError where there are too few classes or items."""
        self.builder()
        return self

    def _part(self, split: str, chosen: Sequence[int], base_classes: int) -> "Episodes":
        pool, at = self.pool, np.asarray(chosen, dtype=np.int64)
        names = [pool.class_names[k] for k in chosen]
        part = Pool(pool.items, pool.starts[at], pool.counts[at], names, pool.class_ids[at])
        changes = {} if split == "train" else {"label_ratio": 1.0}
        made = self._like(part, [self.classes[k] for k in chosen], split, base_classes, **changes)
        return made.checked() if chosen else made

    def _like(
        self, pool: Pool, classes: Sequence[Any], split: str, base_classes: int, **changes: Any
    ) -> "Episodes":
        return Episodes(
            pool, classes, {**self._make_up, **changes}, self.seed, split, self.views, base_classes
        )


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
    class_aware: bool = True,
    transductive: bool = False,
    label_ratio: float = 1.0,
    label_seed: int = 0,
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
        imbalance, class_aware, transductive, label_ratio, label_seed: see metassl.data.spec.EpisodeSpec.

    Raises:
        DataError: arrays or labels of another form, NaN, an unknown class.
        ConfigError: a make-up that the arrays can't supply, such as more ways than classes.

    Fifty classes of flowers that don't exist, twenty of each:

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
        "distractor_unlabelled": distractor_unlabelled, "imbalance": imbalance, "class_aware": class_aware,
        "transductive": transductive, "label_ratio": label_ratio, "label_seed": label_seed,
    }  # fmt: skip
    if split not in SPLITS:
        raise ConfigError(one_of("split", split, SPLITS))
    pool, values = _pool(inputs("x", x), y, classes)
    shown = views_for(input_shape(pool.items), views)
    return Episodes(pool, values, make_up, seed, split, shown, len(values)).checked()


def _pool(items: np.ndarray, y: Any, classes: Sequence[Any] | None) -> tuple[Pool, list[Any]]:
    """A pool of the chosen classes, its items sorted by class, and the classes' labels as they were given."""
    values, rank, counts = np.unique(labels("y", y, len(items)), return_inverse=True, return_counts=True)
    order = np.argsort(rank, kind="stable")
    if (np.diff(order) != 1).any():
        items = items[order]
    names, starts = [str(value) for value in values], np.cumsum(counts) - counts
    at = np.arange(len(values)) if classes is None else _places(names, classes)
    chosen = [names[k] for k in at]
    pool = Pool(items, starts[at].astype(np.int64), counts[at].astype(np.int64), chosen, at)
    return pool, values[at].tolist()


def _places(names: Sequence[str], classes: Sequence[Any]) -> np.ndarray:
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
    return np.array(at, dtype=np.int64)
