"""A learner's answer to a real task.

Legend: n new items, N classes, K values of an item.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from metassl.errors import ConfigError
from metassl.learners.base import MetaLearner
from metassl.library.running import query_logits
from metassl.library.tasks import Task
from metassl.outcomes.base import in_own_units
from metassl.tasks.stage import CONTROL, TEST


def predict(learner: MetaLearner, task: Task, x: Any, *, unlabelled: bool = True) -> NDArray[np.float32]:
    """Adapts a learner to a task and answers it for new items: how probable each class is, or which values.

    The new items are the task's queries, and are predicted as `evaluate` predicts queries. So with a norm
    whose statistics are those of the batch (`learner.transductive`) they are best given all at once.

    Args:
        learner: trained.
        task: what is known of it.
        x: n new items, in the form of the support.
        unlabelled: False: as if the task had no unlabelled items, which is the control.

    Returns:
        [n, N] probabilities in the order of `task.classes`; rows sum to 1, or to less where a head has an
        answer for what is of no class. Or [n, K] values, in the units of the support's.

    Raises:
        DataError: items unlike those of the support.
        ConfigError: the learner wasn't built for such a task.

    Two cats and dogs of eight measures are labelled, five of each are not:

    >>> import metassl, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> cats, dogs = rng.normal(0, 1, (10, 8)), rng.normal(3, 1, (10, 8))
    >>> task = metassl.task([dogs[0], cats[0]], ["dog", "cat"], [*cats[1:6], *dogs[1:6]])
    >>> spec = metassl.TaskSpec(way=2, input_shape=(8,), base_classes=2)
    >>> learner = metassl.learner("protonet", ssl="soft_kmeans", task=spec)
    >>> probabilities = metassl.predict(learner, task, [*cats[6:], *dogs[6:]])
    >>> [task.classes[k] for k in probabilities.argmax(1)]
    ['cat', 'cat', 'cat', 'cat', 'dog', 'dog', 'dog', 'dog']
    """
    if learner.traits.reads_queries:
        raise ConfigError("learner: found an oracle that reads the labels of queries; new items have none.")
    episode = task.episode(learner, x)
    outputs = query_logits(learner, episode, TEST if unlabelled else CONTROL).cpu()
    answers = in_own_units(task.outcome.predictions(outputs)[:, : task.outputs], episode.units)
    found: NDArray[np.float32] = answers.numpy()
    return found
