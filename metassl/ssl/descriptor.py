"""No labels and no penalty: U enters only learners that read it as a description of the task."""

from collections.abc import Mapping
from typing import ClassVar

from metassl.outcomes.base import Outcome
from metassl.ssl.base import SSLObjective


class Descriptor(SSLObjective):
    """Shows unlabelled images to learners that read them, and neither labels nor penalises.

    Gives episodes the view "plain" of U, for learners with `reads_unlabelled`; others ignore it.

    Source: U as the task descriptor, as the unlabelled tokens of Zhmoginov et al. 2022.

    Differs from the paper: there one transformer reads U; here each learner reads it in its own way.
    """

    views: ClassVar[Mapping[str, str]] = {"plain": "plain"}
    outcomes = (Outcome,)
