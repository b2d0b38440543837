"""A real task: nobody knows the answers for its new items.

Legend: S support, U unlabelled, K values of an item.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from metassl.data.builder import EpisodeBuilder, chosen_views
from metassl.data.pool import input_shape
from metassl.data.spec import to_count
from metassl.learners.base import MetaLearner
from metassl.library.given_rows import GivenRows
from metassl.library.inputs import inputs, is_values, labels, same_form, values
from metassl.library.random_views import Views, views_for
from metassl.outcomes.base import Outcome
from metassl.outcomes.classification import CLASSES, Classification
from metassl.outcomes.regression import Regression
from metassl.tasks.episode import Episode


class Task:
    """A few labelled items and perhaps many without a label; `metassl.task` makes one.

    Attributes:
        classes: the labels as they were given, in their order: the columns of a prediction; [] of values.
        support: [S, ...] labelled items; y: [S] their places in `classes`, or [S, K] their values.
        unlabelled: [U, ...] items without a label.
        outputs: how many classes or values.
        outcome: what the task asks for.
    """

    def __init__(
        self,
        support: NDArray[Any],
        y: NDArray[Any],
        unlabelled: NDArray[Any],
        outcome: Outcome,
        views: Views,
        seed: int,
    ) -> None:
        self.support, self.y, self.unlabelled, self.outcome = support, y, unlabelled, outcome
        self.classes: list[Any] = []
        if y.ndim == 1:
            found, self.y = np.unique(y, return_inverse=True)
            self.classes = found.tolist()
        self.outputs = len(self.classes) or y.shape[1]
        self.views, self.seed = views, to_count("seed", seed, 0)

    def __repr__(self) -> str:
        """What there is."""
        labelled, unlabelled = len(self.support), len(self.unlabelled)
        asks = self.classes or self.outcome.asks
        return f"<Task of {asks}: {labelled} labelled and {unlabelled} unlabelled items>"

    def episode(self, learner: MetaLearner, x: Any = None) -> Episode:
        """The task as `learner` meets it, for `learner.adapt(...)`: with the views of U that it asks for.

        Args:
            learner: says which views and random numbers it needs.
            x: new items, which become the queries; None: there are none.

        What adaptation makes of a task, φ, can be looked at:

        >>> import metassl
        >>> task = metassl.task([[0.1, 0.2], [0.9, 0.7]], ["dog", "cat"])
        >>> learner = metassl.learner("protonet", task=metassl.TaskSpec(way=2, input_shape=(2,)))
        >>> adapted = learner.eval().adapt(task.episode(learner), metassl.Stage())
        >>> adapted.head.p.shape  # a prototype for each class
        torch.Size([2, 64])
        """
        queries = self.support[:0] if x is None else same_form("x", inputs("x", x), "support_x", self.support)
        rows = GivenRows(self.support, self.y, self.unlabelled, queries, self.outputs, self.seed)
        wanted, shape = dict(learner.ssl.inner_views(training=False)), input_shape(self.support)
        builder = EpisodeBuilder(
            rows,
            None,
            chosen_views(wanted, self.views, "views"),
            inner=bool(wanted),
            draws=learner.ssl.objective.draws(shape),
            task_draws=learner.draws,
            outcome=self.outcome,
            redraws=learner.redraws(training=False),
        )
        return builder(range(1)).episodes.task(0)


def task(
    support_x: Any,
    support_y: Any,
    unlabelled_x: Any = None,
    *,
    outcome: Outcome | None = None,
    views: Views | None = None,
    seed: int = 0,
) -> Task:
    """Makes a real task of arrays: labelled items, items without a label, and no queries.

    It may have fewer classes than the tasks that a learner was trained on, and classes of unequal size.

    Args:
        support_x: S images or vectors, in the form that `metassl.episodes` takes.
        support_y: their S labels: whole numbers from 0 or strings for classes, floats [S] or [S, K] for
            values.
        unlabelled_x: U items without a label; None: there are none.
        outcome: what the task asks for, as `episodes.task.outcome` of the training; None: classes, or the
            values of metassl.outcomes.regression.Regression().
        views: kind -> a view of one's own, as for `metassl.episodes`.
        seed: of the random views and numbers that an objective asks for.

    Raises:
        DataError: arrays or labels of another form, NaN, or unlabelled items unlike the labelled ones.

    >>> import metassl
    >>> metassl.task([[0.1, 0.2], [0.9, 0.7]], ["dog", "cat"], [[0.2, 0.2], [0.8, 0.8], [0.8, 0.9]])
    <Task of ['cat', 'dog']: 2 labelled and 3 unlabelled items>
    >>> metassl.task([[0.0], [1.0], [2.0]], [0.0, 0.8, 0.9])
    <Task of values: 3 labelled and 0 unlabelled items>
    >>> metassl.task([[0.1, 0.2], [0.9, 0.7]], ["dog", "cat"], [[0.2, 0.2, 0.1]])
    Traceback (most recent call last):
    metassl.errors.DataError: unlabelled_x: found items of float32 [3], needed are float32 [2] as in ...
    """
    support = inputs("support_x", support_x)
    if outcome is None:
        outcome = Regression() if is_values("support_y", support_y) else CLASSES
    read = labels if isinstance(outcome, Classification) else values
    y = read("support_y", support_y, len(support))
    unlabelled = support[:0]
    if unlabelled_x is not None and len(unlabelled_x):
        unlabelled = same_form("unlabelled_x", inputs("unlabelled_x", unlabelled_x), "support_x", support)
    return Task(support, y, unlabelled, outcome, views_for(input_shape(support), views), seed)
