"""A real task: nobody has labelled its new items.

Legend: N way, S support, U unlabelled.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from metassl.data.builder import EpisodeBuilder
from metassl.data.spec import to_count
from metassl.learners.base import MetaLearner
from metassl.library.given_rows import GivenRows
from metassl.library.inputs import input_shape, inputs, labels, same_form
from metassl.library.random_views import Views, chosen_views, views_for
from metassl.tasks.episode import Episode


class Task:
    """A few labelled items and perhaps many without a label; `metassl.task` makes one.

    Attributes:
        classes: the labels as they were given, in their order: the columns of a prediction.
        support: [S, ...] labelled items; y: [S] their places in `classes`.
        unlabelled: [U, ...] items without a label.
    """

    def __init__(
        self,
        support: NDArray[Any],
        labels: NDArray[Any],
        unlabelled: NDArray[Any],
        views: Views,
        seed: int,
    ) -> None:
        values, self.y = np.unique(labels, return_inverse=True)
        self.classes: list[Any] = values.tolist()
        self.support, self.unlabelled = support, unlabelled
        self.views, self.seed = views, to_count("seed", seed, 0)

    def __repr__(self) -> str:
        """What there is."""
        labelled, unlabelled = len(self.support), len(self.unlabelled)
        return f"<Task of {self.classes}: {labelled} labelled and {unlabelled} unlabelled items>"

    def episode(self, learner: MetaLearner, x: Any = None) -> Episode:
        """The task as `learner` meets it, for `learner.adapt(...)`: with the views of U that it asks for.

        Args:
            learner: says which views and random numbers it needs.
            x: new items, which become the queries; None: there are none.

        What adaptation makes of a task, φ, can be looked at:

        >>> import metassl
        >>> task = metassl.task([[0.1, 0.2], [0.9, 0.7]], ["dog", "cat"])
        >>> learner = metassl.learner("protonet", task=metassl.TaskSpec(2, input_shape=(2,), base_classes=2))
        >>> adapted = learner.eval().adapt(task.episode(learner), metassl.Stage())
        >>> adapted.head.p.shape  # a prototype for each class
        torch.Size([2, 64])
        """
        queries = self.support[:0] if x is None else same_form("x", inputs("x", x), "support_x", self.support)
        rows = GivenRows(self.support, self.y, self.unlabelled, queries, self.seed)
        wanted, shape = dict(learner.ssl.inner_views(training=False)), input_shape(self.support)
        builder = EpisodeBuilder(
            rows,
            chosen_views(wanted, self.views),
            inner=bool(wanted),
            draws=learner.ssl.objective.draws(shape),
            task_draws=learner.draws,
        )
        return builder(range(1)).episodes.task(0)


def task(
    support_x: Any,
    support_y: Any,
    unlabelled_x: Any = None,
    *,
    views: Views | None = None,
    seed: int = 0,
) -> Task:
    """Makes a real task of arrays: labelled items, items without a label, and no queries.

    It may have fewer classes than the tasks that a learner was trained on, and classes of unequal size.

    Args:
        support_x: S images or vectors, in the form that `metassl.episodes` takes.
        support_y: their S labels, whole numbers from 0 or strings.
        unlabelled_x: U items without a label; None: there are none.
        views: kind -> a view of one's own, as for `metassl.episodes`.
        seed: of the random views and numbers that an objective asks for.

    Raises:
        DataError: arrays or labels of another form, NaN, or unlabelled items unlike the labelled ones.

    >>> import metassl
    >>> metassl.task([[0.1, 0.2], [0.9, 0.7]], ["dog", "cat"], [[0.2, 0.2], [0.8, 0.8], [0.8, 0.9]])
    <Task of ['cat', 'dog']: 2 labelled and 3 unlabelled items>
    >>> metassl.task([[0.1, 0.2], [0.9, 0.7]], ["dog", "cat"], [[0.2, 0.2, 0.1]])
    Traceback (most recent call last):
    metassl.errors.DataError: unlabelled_x: found items of float32 [3], needed are float32 [2] as in ...
    """
    support = inputs("support_x", support_x)
    y = labels("support_y", support_y, len(support))
    unlabelled = support[:0]
    if unlabelled_x is not None and len(unlabelled_x):
        unlabelled = same_form("unlabelled_x", inputs("unlabelled_x", unlabelled_x), "support_x", support)
    return Task(support, y, unlabelled, views_for(input_shape(support), views), seed)
