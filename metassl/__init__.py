"""Meta semi-supervised learning: meta-learners and semi-supervised objectives that compose.

The names below are loaded when first asked for, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metassl.compatibility import check
    from metassl.learners.base import MetaLearner
    from metassl.learners.gradient.maml import MAML
    from metassl.learners.metric.learner import HeadLearner
    from metassl.library.array_tasks import episodes
    from metassl.library.classifier.estimator import MetaClassifier
    from metassl.library.classifier.folds import LabelledFolds
    from metassl.library.datasets import dataset, episodes_of
    from metassl.library.episodes import Episodes
    from metassl.library.history import History
    from metassl.library.judging import Evaluation, evaluate
    from metassl.library.learners import learner
    from metassl.library.predicting import predict
    from metassl.library.tasks import Task, task
    from metassl.library.training import fit
    from metassl.ssl.base import SSLObjective
    from metassl.ssl.term import SSLTerm
    from metassl.tasks.episode import Episode
    from metassl.tasks.spec import TaskSpec
    from metassl.tasks.stage import Stage
    from metassl.trained.build import build_learner

_HOMES = {
    "Episode": "metassl.tasks.episode",
    "Episodes": "metassl.library.episodes",
    "Evaluation": "metassl.library.judging",
    "HeadLearner": "metassl.learners.metric.learner",
    "History": "metassl.library.history",
    "LabelledFolds": "metassl.library.classifier.folds",
    "MAML": "metassl.learners.gradient.maml",
    "MetaClassifier": "metassl.library.classifier.estimator",
    "MetaLearner": "metassl.learners.base",
    "SSLObjective": "metassl.ssl.base",
    "SSLTerm": "metassl.ssl.term",
    "Stage": "metassl.tasks.stage",
    "Task": "metassl.library.tasks",
    "TaskSpec": "metassl.tasks.spec",
    "build_learner": "metassl.trained.build",
    "check": "metassl.compatibility",
    "dataset": "metassl.library.datasets",
    "episodes": "metassl.library.array_tasks",
    "episodes_of": "metassl.library.datasets",
    "evaluate": "metassl.library.judging",
    "fit": "metassl.library.training",
    "learner": "metassl.library.learners",
    "predict": "metassl.library.predicting",
    "task": "metassl.library.tasks",
}
__all__ = [
    "MAML",
    "Episode",
    "Episodes",
    "Evaluation",
    "HeadLearner",
    "History",
    "LabelledFolds",
    "MetaClassifier",
    "MetaLearner",
    "SSLObjective",
    "SSLTerm",
    "Stage",
    "Task",
    "TaskSpec",
    "build_learner",
    "check",
    "dataset",
    "episodes",
    "episodes_of",
    "evaluate",
    "fit",
    "learner",
    "predict",
    "task",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'metassl' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
