"""Permutation-invariant encoders of a task: of its support and, where it takes part, of U.

Legend: N way, S support, U unlabelled, D features, n items of the set, H item embedding, E task
embedding, L numbers of a latent code.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from metassl.learners.adapted import Anchor
from metassl.learners.base import MetaLearner
from metassl.norms.base import Pass
from metassl.numerics.geometry import class_means
from metassl.outcomes.classification import CLASSES
from metassl.schema.ranges import Count
from metassl.tasks.episode import Episode, Unlabelled
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import Stage


class TaskSet(NamedTuple):
    """The items of a task.

    Attributes:
        z: [n, D] features.
        q: [n, K] targets, of classes soft labels; all 0 for an unlabelled item.
        w: [n] weights; 0 leaves an item out.
        known: [n] 1 for a labelled item, 0 for an unlabelled one.
    """

    z: Tensor
    q: Tensor
    w: Tensor
    known: Tensor


class SetEncoding(NamedTuple):
    """What the encoder makes of a task: task [E] for all of it, outputs [K, H] for each class or value."""

    task: Tensor
    outputs: Tensor


class Pool(nn.Module):
    """Makes one vector of a weighted set; zeros of an empty one."""

    def forward(self, e: Tensor, w: Tensor) -> Tensor:
        """e [n, H], w [n] -> [H]."""
        raise NotImplementedError


class MeanPool(Pool):
    """Summarises a set by its weighted mean.

    Σ_j w_j e_j / Σ_j w_j. Source: Zaheer et al. 2017, theorem 2, with a mean for the sum.
    """

    def forward(self, e: Tensor, w: Tensor) -> Tensor:
        """e [n, H], w [n] -> [H]."""
        return w @ e / w.sum().clamp(min=1e-12)


class AttentionPool(Pool):
    """Summarises a set by a mean whose weights are learned from the items.

    Σ_j a_j e_j with a_j ∝ w_j exp(vᵀ tanh(V e_j)). Source: Ilse et al. 2018, eq. 7 and 8.

    Args:
        size: H, the encoder's `hidden`.
        hidden: rows of V.
    """

    def __init__(self, size: int, hidden: int = 16) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.Linear(size, hidden), nn.Tanh(), nn.Linear(hidden, 1))

    def forward(self, e: Tensor, w: Tensor) -> Tensor:
        """e [n, H], w [n] -> [H]."""
        score = self.score(e).squeeze(-1)
        # padding must not set the maximum, or it could push all the others to 0
        score = score.masked_fill(w <= 0, torch.finfo(score.dtype).min / 8)
        mass = w * (score - score.amax().detach()).exp()
        return mass @ e / mass.sum().clamp(min=1e-12)


class SetEncoder(nn.Module):
    """Describes a task, labelled and unlabelled items together, by vectors of fixed length.

    e_j = MLP(z_j); task = MLP([pool_S e, pool_U e, log(1+|S|), log(1+|U|), 1[U there]]); outputs = means.

    Where labels are values, they mean the same in every task: e_j = MLP([z_j, y_j]), y_j = 0 in U, and the
    embedding of an output is the mean over S (Garnelo et al. 2018, section 2). |S| and |U| are sums of
    weights. Neither the order of the items nor the names of the classes have an
    influence. Source: Zaheer et al. 2017, eq. 4 (DeepSets); class means as in Garnelo et al. 2018, section 2.

    Args:
        features: D.
        hidden: H.
        size: E.
        pool: makes one vector of the item embeddings; None: their mean.
        task: what its tasks ask for; None: classes.
    """

    def __init__(
        self,
        features: int,
        hidden: Count = 64,
        size: Count = 32,
        pool: Pool | None = None,
        task: TaskSpec | None = None,
    ) -> None:
        super().__init__()
        self.hidden, self.size, self.pool = hidden, size, MeanPool() if pool is None else pool
        self.outcome = CLASSES if task is None else task.outcome
        read = 0 if task is None else self.outcome.readable(torch.zeros(1, task.outputs)).shape[1]
        self.item = mlp(features + read, hidden, hidden)
        self.task = mlp(2 * hidden + 3, hidden, size)

    def forward(self, items: TaskSet) -> SetEncoding:
        """The embeddings of a task."""
        e = self.item(torch.cat((items.z, self.outcome.readable(items.q).to(items.z.dtype)), dim=-1))
        s, u = items.w * items.known, items.w * (1 - items.known)
        counts = torch.stack((s.sum().log1p(), u.sum().log1p(), (u.sum() > 0).to(e.dtype)))
        task = self.task(torch.cat((self.pool(e, s), self.pool(e, u), counts)))
        return SetEncoding(task, self.outcome.per_output(e, items.q, s))


class Gaussian(NamedTuple):
    """Independent normal numbers, by mean and standard deviation."""

    mean: Tensor
    std: Tensor

    def at(self, noise: Tensor) -> Tensor:
        """mean + std ⊙ noise."""
        return self.mean + self.std * noise


class RelationEncoder(nn.Module):
    """Gives each class a distribution of latent codes, by comparing its images with the others.

    q(z_c | D): (μ_c, s_c) = mean over j of D and over i of class c in S of g_r([g_e(f_i), g_e(f_j)]).

    D is S or, where U takes part, S ∪ U, so that unlabelled images are compared with each support image.
    σ_c = spread·exp(s_c). Source: Rusu et al. 2019, section 2.3.1, eq. 1 (LEO).

    Differs from the paper: there D is S, and their code has σ = max(exp(s) - 1, 1e-10), whose gradient is 0
    for half of the coordinates at the start.

    Args:
        features: D.
        latents: L.
        spread: σ at s = 0.
    """

    def __init__(self, features: int, latents: int = 64, spread: float = 0.1) -> None:
        super().__init__()
        self.spread, width = spread, 2 * latents
        self.item = nn.Linear(features, latents, bias=False)
        self.relation = nn.Sequential(
            nn.Linear(width, width, bias=False),
            nn.ReLU(),
            nn.Linear(width, width, bias=False),
            nn.ReLU(),
            nn.Linear(width, width, bias=False),
        )

    def forward(self, items: TaskSet, support: int) -> Gaussian:
        """[N, L] of the items, whose first `support` ones are S."""
        e = self.item(items.z)
        shape = (support, len(e), e.shape[-1])
        pairs = torch.cat((e[:support].unsqueeze(1).expand(shape), e.unsqueeze(0).expand(shape)), dim=-1)
        share = items.w / items.w.sum().clamp(min=1e-12)
        codes = (self.relation(pairs) * share.unsqueeze(-1)).sum(1)
        labels = items.q[:support].to(e.dtype)
        mean, log_std = class_means(codes, labels, items.w[:support]).chunk(2, dim=-1)
        return Gaussian(mean, self.spread * log_std.exp())


def mlp(size_in: int, hidden: int, size: int) -> nn.Sequential:
    """One hidden layer with ReLU."""
    return nn.Sequential(nn.Linear(size_in, hidden), nn.ReLU(), nn.Linear(hidden, size))


def read_task(learner: MetaLearner, episode: Episode, anchor: Anchor, stage: Stage) -> TaskSet:
    """Encodes a task's images for a learner that reads the task as a set.

    S and, where U takes part, U's first view, through the backbone as it is placed now.
    """
    unlabelled = episode.unlabelled if learner.uses_unlabelled(episode, stage) else None
    return read_rows(learner, episode, unlabelled, anchor)


def read_rows(
    learner: MetaLearner, episode: Episode, unlabelled: Unlabelled | None, anchor: Anchor
) -> TaskSet:
    """The features of S and of the first view of unlabelled images, through the backbone as it is placed now.

    S and U go through it apart, so that U has no part in the batch statistics of S. A norm with moving
    averages uses them in training, too: what tells a task from others is what batch statistics take away, and
    the encoder has to meet at test what it was trained on.
    """

    def embed(x: Tensor, weight: Tensor) -> Tensor:
        return learner.embed(x, anchor, Pass(weight if episode.padded else None, moves=False, averages=True))

    weight = episode.support_weight
    targets = episode.support_targets()
    support = TaskSet(embed(episode.support_x, weight), targets, weight, torch.ones_like(weight))
    if unlabelled is None:
        return support
    x, weight = next(iter(unlabelled.views.values())), unlabelled.weight
    nothing = torch.zeros(len(x), episode.outputs, device=x.device)
    unknown = TaskSet(embed(x, weight), nothing, weight, torch.zeros_like(weight))
    return TaskSet(*(torch.cat(parts) for parts in zip(support, unknown, strict=True)))
