"""The model of a classifier that was given none."""

import torch

from metassl.backbones.raw import Raw
from metassl.heads.tabular.head import TabularInContext
from metassl.learners.base import MetaLearner
from metassl.learners.metric.learner import HeadLearner
from metassl.shipped import shipped_models
from metassl.ssl.descriptor import Descriptor
from metassl.ssl.term import SSLTerm

NAME = "tables"
ANY = (1,)  # the head reads as many columns as there are


def default_model() -> MetaLearner:
    """Makes the model that answers for a table where the caller names none; it takes rows of any width.

    The weights that come with the package, where it brings any; without, it is the mean of plain classifiers.
    """
    pretrained = NAME if NAME in shipped_models() else None
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        head = TabularInContext(pretrained=pretrained)
    return HeadLearner(Raw(ANY), head).attach(SSLTerm(Descriptor()))
