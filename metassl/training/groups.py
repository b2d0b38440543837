"""What the outer optimiser trains, in groups that have a learning rate of their own."""

from collections.abc import Sequence
from typing import NamedTuple

from torch import nn

from metassl.errors import ConfigError
from metassl.learners.base import SSL, MetaLearner

OBJECTIVE = f"{SSL}objective."


class Group(NamedTuple):
    """Parameters that share a learning rate.

    Attributes:
        params: those that are learned.
        factor: of the optimiser's rate.
        of_ssl: whether they belong to the SSL objective.
    """

    params: Sequence[nn.Parameter]
    factor: float = 1.0
    of_ssl: bool = False


def parameter_groups(learner: MetaLearner) -> list[Group]:
    """The learner's parameters first, then the SSL objective's, one group for each factor that it states."""
    groups: dict[tuple[bool, float], list[nn.Parameter]] = {}
    for name, p in learner.named_parameters():
        if p.requires_grad:
            of_ssl = name.startswith(SSL)
            factor = learner.ssl.objective.rate(name.removeprefix(OBJECTIVE)) if of_ssl else 1.0
            groups.setdefault((of_ssl, factor), []).append(p)
    return [Group(params, factor, of_ssl) for (of_ssl, factor), params in groups.items()]


def one_group(learner: MetaLearner) -> list[Group]:
    """All that is learned, at one rate."""
    return [Group([p for p in learner.parameters() if p.requires_grad])]


def refuse_nothing_to_train(groups: Sequence[Group]) -> None:
    """Raises ConfigError where no parameter is learned, as in prototypes of features that stay."""
    if not any(len(group.params) for group in groups):
        raise ConfigError(
            "model: found nothing to train in it or its backbone. Allowed are a backbone that learns (of a "
            "pretrained one backbone.train=last or all; behind features=… backbone=adapter), and models with "
            "parameters of their own."
        )
