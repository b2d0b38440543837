"""The points of a task's graph: S, then U.

Legend: n points (S + U of a task), N way, D features.
"""

import torch
from torch import Tensor

from metassl.outcomes.classification import one_hot
from metassl.ssl.context import Context


def task_points(context: Context, view: str) -> tuple[Tensor, Tensor, Tensor]:
    """Lists a task's images as the points of a graph, the labelled ones first.

    S, then U: features [n, D] (constants of the labels), labels [n, N] (all 0 for U), weights [n].
    """
    episode, u = context.episode, context.constant(context.features(view))
    x = torch.cat((context.constant(context.support_features()), u))
    x = x.float() if x.dtype.itemsize < 4 else x  # distances between neighbours need the digits
    y = torch.cat((episode.support_y, torch.full_like(episode.support_y[:1], -1).expand(len(u))))
    w = torch.cat((episode.support_weight, context.constant(context.weight)))
    return x, one_hot(y, episode.way).to(x.dtype), w
