"""Contexts of tasks that ask for values."""

from dataclasses import replace

import torch
from torch import Tensor

from metassl.outcomes.regression import Regression
from metassl.ssl.context import Context

VALUES = Regression(standardise=False)


def valued(context: Context, y: Tensor) -> Context:
    """The same task with values y [S, K] in place of classes."""
    present = torch.ones(y.shape[1], dtype=torch.bool)
    episode = replace(context.episode, support_y=y, class_mask=present, outcome=VALUES)
    return replace(context, episode=episode)
