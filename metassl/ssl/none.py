"""No use of unlabelled images: the supervised twin of every method."""

from metassl.ssl.base import SSLObjective


class NoObjective(SSLObjective):
    """Neither labels nor penalises."""
