"""The points of a task's graph: S, then U.

Legend: n points (S + U of a task), D features, M masses of a label (see Outcome.masses).
"""

import torch
from torch import Tensor

from metassl.ssl.context import Context


def task_points(context: Context, view: str) -> tuple[Tensor, Tensor, Tensor]:
    """Lists a task's images as the points of a graph, the labelled ones first.

    S, then U: features [n, D] (constants of the labels), masses [n, M] (all 0 for U), weights [n].
    """
    episode, u = context.episode, context.constant(context.features(view))
    x = torch.cat((context.constant(context.support_features()), u))
    x = x.float() if x.dtype.itemsize < 4 else x  # distances between neighbours need the digits
    y = context.outcome.masses(episode.support_targets())
    y = torch.cat((y, torch.zeros_like(y[:1]).expand(len(u), -1)))
    w = torch.cat((episode.support_weight, context.constant(context.weight)))
    return x, y.to(x.dtype), w
