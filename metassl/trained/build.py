"""From the parts that a config names to a learner."""

from collections.abc import Mapping
from typing import Any

from metassl.compatibility import check
from metassl.construct import construct
from metassl.learners.base import MetaLearner
from metassl.ssl.term import SSLTerm
from metassl.tasks.spec import TaskSpec

PARTS = ("backbone", "model", "ssl")  # sections of a config


def build_learner(config: Mapping[str, Any] | Any, task: TaskSpec) -> MetaLearner:
    """The meta-learner, with the backbone and the SSL term that the config names.

    Args:
        config: has the sections of PARTS, by Hydra or plain.
        task: what it is built for.

    Raises:
        ConfigError: names the key of a part that can't be made, or says what can't go together.
    """
    known: dict[str, Any] = {"task": task, "input_shape": task.input_shape}
    backbone = construct(config["backbone"], known)
    known |= {"backbone": backbone, "features": backbone.out_dim, "map_shape": backbone.map_shape}
    learner: MetaLearner = construct(config["model"], known)
    known["parameters"] = learner.predictor_parameters()
    ssl = config["ssl"]
    options = {key: value for key, value in ssl.items() if key not in ("objective", "wrapped")}
    learner.attach(SSLTerm(construct(ssl["objective"], known), **options))
    check(learner, task)
    return learner
