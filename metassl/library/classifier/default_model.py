"""The model of a classifier that was given none."""

import torch

from metassl.backbones.raw import Raw
from metassl.heads.tabular.head import TabularInContext
from metassl.learners.base import MetaLearner
from metassl.learners.metric.learner import HeadLearner
from metassl.ssl.descriptor import Descriptor
from metassl.ssl.term import SSLTerm

NAME = "tables"
ANY = (1,)  # the head reads as many columns as there are


def default_model() -> MetaLearner:
    """Makes the model that answers for a table where the caller names none; it takes rows of any width.

    Its weights come with the package, so the numbers that it begins with are of no influence.
    """
    with torch.random.fork_rng(devices=()):
        head = TabularInContext(pretrained=NAME)
    return HeadLearner(Raw(ANY), head).attach(SSLTerm(Descriptor()))
