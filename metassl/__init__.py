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
    from metassl.ssl.base import SSLObjective
    from metassl.ssl.term import SSLTerm
    from metassl.tasks.episode import Episode
    from metassl.tasks.spec import TaskSpec
    from metassl.tasks.stage import Stage
    from metassl.training.build import build_learner

_HOMES = {
    "Episode": "metassl.tasks.episode",
    "HeadLearner": "metassl.learners.metric.learner",
    "MAML": "metassl.learners.gradient.maml",
    "MetaLearner": "metassl.learners.base",
    "SSLObjective": "metassl.ssl.base",
    "SSLTerm": "metassl.ssl.term",
    "Stage": "metassl.tasks.stage",
    "TaskSpec": "metassl.tasks.spec",
    "build_learner": "metassl.training.build",
    "check": "metassl.compatibility",
}
__all__ = [
    "MAML",
    "Episode",
    "HeadLearner",
    "MetaLearner",
    "SSLObjective",
    "SSLTerm",
    "Stage",
    "TaskSpec",
    "build_learner",
    "check",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'metassl' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
