"""No use of unlabelled images: the supervised twin of every method."""

from metassl.outcomes.base import Outcome
from metassl.ssl.base import SSLObjective


class NoObjective(SSLObjective):
    """Leaves unlabelled images unused: the supervised twin of every other objective.

    Neither labels nor penalises.
    """

    outcomes = (Outcome,)
