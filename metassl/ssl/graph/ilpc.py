"""Iterative label cleaning: labels spread over a graph, are balanced, and the cleanest are kept for good.

Legend: N way, S support, U unlabelled, n = S + U, D features.
"""

from typing import ClassVar

import torch
from torch import Tensor

from metassl.numerics.geometry import class_means, directions
from metassl.numerics.graphs import cosine_affinity
from metassl.numerics.precision import full_precision
from metassl.numerics.transport import potentials, safe_log
from metassl.outcomes.classification import mask_classes, one_hot
from metassl.schema.constructor import checked
from metassl.schema.ranges import BelowOne, Count, Positive, Switch
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.context import Context
from metassl.ssl.graph.label_propagation import spread
from metassl.ssl.graph.points import task_points

TINY = 1e-12
SINKHORN_STEPS = 50
MOMENTUM, DECAY, RATE = 0.9, 5e-4, 0.1  # of the cleaning classifier, the authors' code


class ILPC(SSLObjective):
    """Labels unlabelled images round by round, keeping those whose labels a simple classifier learns first.

    A round: (1) p_j = shares of row j of (I - αA)⁻¹ Y, as in label propagation; (2) p_j^τ made balanced by
    Sinkhorn, label = argmax; (3) a linear classifier is trained on S and these labels, and of each class
    the `best` images with the smallest mean loss over its steps join Y with their labels.

    There are |U| / (N·best) rounds, N of the widest task; what is left has the labels of the last. `best` of
    |U| or more is one round without cleaning. Labels are hard, so nothing flows back through them.

    Assumes that U has equally many images of each class with balance=true, as long as any image is left;
    balance=false leaves (2) out, and then does not.

    Differs from the paper: features are centred on the task and scaled to length 1, for the classifier as for
    the graph (in the code for some backbones); the classifier starts without a bias and takes fewer steps.
    Images that look foreign are not taken out before (3), which ssl.distractors can do.

    Source: Lazarou et al. 2021, section 3; constants from the authors' code.

    Args:
        alpha: α, 0..1 (1 excluded); neighbours: k of the graph, 1 or more.
        power: τ > 0, of the shares before they are balanced.
        balance: whether (2) takes place.
        best: images of a class that a round keeps, 1 or more.
        steps: of the classifier's training, 1 or more.
    """

    views: ClassVar = {"plain": "plain"}

    @checked("ssl.objective")
    def __init__(
        self,
        alpha: BelowOne = 0.8,
        neighbours: Count = 15,
        power: Positive = 3.0,
        balance: Switch = True,
        best: Count = 3,
        steps: Count = 50,
    ) -> None:
        super().__init__()
        self.alpha, self.neighbours, self.power = alpha, neighbours, power
        self.balance, self.best, self.steps = balance, best, steps

    def label(self, context: Context) -> SoftLabels:
        """Hard labels of the plain view."""
        live = context.episode.class_mask
        x, y, w = (part.detach() for part in task_points(context, "plain"))
        q = self.assign(x, y, w, live, len(context.episode.support_y))
        return SoftLabels(q, torch.ones_like(context.weight), "plain")

    @full_precision
    def assign(self, x: Tensor, y: Tensor, w: Tensor, live: Tensor, supports: int) -> Tensor:
        """[U, N] one-hot labels: x [n, D], y [n, N] and w [n], of which the first `supports` have labels."""
        x, way = directions(x, w), y.shape[1]
        graph = cosine_affinity(x, w, self.neighbours, 3)
        start = class_means(x[:supports], y[:supports], w[:supports])
        due = live * w[supports:].sum() / live.sum()
        known, labels = (w > 0) & (torch.arange(len(x), device=x.device) < supports), y
        each = way * self.best
        rounds = ((w[supports:] > 0).sum() // each).clamp(min=1)
        for done in range(max(1, (len(x) - supports) // each)):
            left = (w > 0) & ~known
            sure = y * (w * known).unsqueeze(-1)
            shares = spread(graph, sure, self.alpha).clamp(min=0)
            if self.balance:
                shares = balanced(shares, w * left, due - sure[supports:].sum(0), self.power)
            found = one_hot(mask_classes(shares, live).argmax(-1), way).to(y.dtype)
            goes_on = rounds > done  # padding would otherwise add rounds
            labels = torch.where(
                goes_on & ~known.unsqueeze(-1), found, torch.where(known.unsqueeze(-1), y, labels)
            )
            clean = left & (rank_in_class(self.losses(x, labels, w, start, live), found, left) < self.best)
            clean = clean & goes_on
            y, known = torch.where(clean.unsqueeze(-1), labels, y), known | clean
        return labels[supports:]

    def losses(self, x: Tensor, labels: Tensor, w: Tensor, start: Tensor, live: Tensor) -> Tensor:
        """[n] mean loss of each label over the training of a linear classifier on all of them.

        x [n, D], labels [n, N], w [n]; start [N, D] is what the classifier's weights are at first, live [N].
        """
        inputs = torch.cat((x, torch.ones_like(x[:, :1])), dim=-1)
        matrix = torch.cat((start, torch.zeros_like(start[:, :1])), dim=-1)
        share = (w / w.sum().clamp(min=TINY)).unsqueeze(-1)
        speed, total = torch.zeros_like(matrix), torch.zeros_like(w)
        for _ in range(self.steps):
            log_p = mask_classes(inputs @ matrix.T, live).log_softmax(-1)
            total = total - (labels * log_p).sum(-1) / self.steps
            slope = (share * (log_p.exp() - labels)).T @ inputs + DECAY * matrix
            speed = MOMENTUM * speed + slope
            matrix = matrix - RATE * speed
        return total


def balanced(shares: Tensor, weight: Tensor, due: Tensor, power: float) -> Tensor:
    """Shares out what is left so that each class gets what it still is to get.

    Rows of the plan between the items and the classes that is nearest to shares^power, each over its sum.

    Args:
        shares: [n, N], 0 or more; weight: [n] of the items, 0 for those that take no part.
        due: [N] weight that each class is to get; below 0 is nothing.
        power: τ > 0.
    """
    cost = -power * shares.clamp(min=TINY).log()
    a, b = (part.clamp(min=0) / part.clamp(min=0).sum().clamp(min=TINY) for part in (weight, due))
    _, g = potentials(cost, a, b, 1.0, SINKHORN_STEPS)
    return (safe_log(b) + g - cost).softmax(-1)


def rank_in_class(losses: Tensor, labels: Tensor, left: Tensor) -> Tensor:
    """How many of the items that are left have the same label and a smaller loss, [n].

    Of equal losses the first counts as smaller: losses [n], one-hot labels [n, N], left [n] bool.
    """
    place = torch.arange(len(losses), device=losses.device)
    first = place.unsqueeze(0) < place.unsqueeze(1)
    ahead = (losses.unsqueeze(0) < losses.unsqueeze(1)) | (
        (losses.unsqueeze(0) == losses.unsqueeze(1)) & first
    )
    return (ahead & (labels @ labels.T > 0) & left.unsqueeze(0)).sum(-1)
