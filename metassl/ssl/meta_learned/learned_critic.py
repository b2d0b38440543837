"""A loss without labels that the outer loop learns.

Legend: N way, U unlabelled, D features.
"""

from functools import singledispatch
from typing import ClassVar

import torch
from torch import Tensor, nn

from metassl.numerics.losses import weighted_mean
from metassl.outcomes.base import Outcome
from metassl.outcomes.classification import Classification
from metassl.outcomes.values import Values
from metassl.schema.ranges import Count
from metassl.ssl.base import SSLObjective
from metassl.ssl.context import Context

STATISTICS = 4
RATE = 3.0  # of the outer rate


class TaskEmbedding(nn.Module):
    """Describes a task by how its labelled examples differ from one another.

    e = o(Σ_ik w_i w_k r([z_i, z_k]) / Σ_ik w_i w_k), over all pairs of the support, two small networks.

    It knows no class by name and no place in the support. Source: Antoniou & Storkey 2019, section 4 (the
    relational network of Santoro et al. 2017 on the support's features); the same in their code.

    Args:
        features: D.
        width: of the hidden layers and of e.
    """

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.pair = nn.Sequential(nn.Linear(2 * features, width), nn.SiLU(), nn.Linear(width, width))
        self.out = nn.Sequential(nn.SiLU(), nn.Linear(width, width))

    def forward(self, z: Tensor, weight: Tensor) -> Tensor:
        """[width] of features z [S, D]; weight [S] 0 for padding."""
        n = len(z)
        pairs = torch.cat((z.unsqueeze(1).expand(-1, n, -1), z.unsqueeze(0).expand(n, -1, -1)), dim=-1)
        worth = weight.unsqueeze(1) * weight.unsqueeze(0)
        mean = (self.pair(pairs) * worth.unsqueeze(-1)).sum((0, 1)) / worth.sum().clamp(min=1e-12)
        embedding: Tensor = self.out(mean)
        return embedding


class LearnedCritic(SSLObjective):
    """Penalises predictions on unlabelled images by a loss that the outer loop learns.

    penalty = C_ω(predictions on U, e), ω learned through what following C_ω does to the loss on the queries.

    C_ω = mean_j g(mean_c h(s_jc) + A e), small networks; s_jc holds the centred logit of image j for class c,
    its probability p_jc, log p_jc, and the mean of p_c over U (of values see `statistics`); e describes the
    task by its support (see TaskEmbedding) and is a constant of the inner loop. So C_ω sees no class's name,
    no image's place. The last layer starts at 0: at first C_ω = 0 and the learner is the one without U.

    Differs from the paper: C_ω is made for classes in any order in place of dilated convolutions over the
    logits; it joins CE(S) from inner step ssl.from_step on, where the paper takes one step with C_ω alone
    after those on S; the images are U in place of the queries. Conditioning on the parameters is left out.

    Source: Antoniou & Storkey 2019 (SCA), eq. 4 to 6 and section 4.

    Args:
        features: D.
        width: of all hidden layers.
    """

    views: ClassVar = {"plain": "plain"}
    outcomes = (Outcome,)
    needs_inner_loss = True  # in an outer loss C_ω would be trained by itself
    rates: ClassVar = {"": RATE}

    def __init__(self, features: int, width: Count = 16) -> None:
        super().__init__()
        # smooth, since the inner loop follows the slope of C_ω and the outer loop the slope of that
        self.per_class = nn.Sequential(nn.Linear(STATISTICS, width), nn.SiLU(), nn.Linear(width, width))
        self.task, self.of_task = TaskEmbedding(features, width), nn.Linear(width, width, bias=False)
        self.per_image = nn.Sequential(nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 1))
        last = self.per_image[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def penalty(self, context: Context) -> Tensor:
        """C_ω, of either sign."""
        live = context.episode.class_mask
        s = statistics(context.outcome, context.logits("plain"), live, context.weight)
        share = live.to(s.dtype) / live.sum()
        image = (self.per_class(s) * share.unsqueeze(-1)).sum(1)
        task = self.task(context.constant(context.support_features()), context.episode.support_weight)
        return weighted_mean(self.per_image(image + self.of_task(task)).squeeze(-1), context.weight)


@singledispatch
def statistics(outcome: Outcome, logits: Tensor, live: Tensor, weight: Tensor) -> Tensor:
    """What the critic sees.

    Args:
        outcome: what the task asks for.
        logits: [U, K] outputs; live: [K] bool, the classes of the task; weight: [U].

    Returns:
        [U, K, 4]. Of classes: centred logit, p, log p, mean of p over U; 0 for a class that the task lacks.
        Of values: the value, its distance to the mean over U, the square of that, and that mean.
    """
    raise NotImplementedError(type(outcome).__name__)


@statistics.register
def _(outcome: Values, logits: Tensor, live: Tensor, weight: Tensor) -> Tensor:
    mean = (logits * weight.unsqueeze(-1)).sum(0) / weight.sum().clamp(min=1e-12)
    away = logits - mean
    return torch.stack((logits, away, away.square(), mean.expand_as(away)), dim=-1)


@statistics.register
def _(outcome: Classification, logits: Tensor, live: Tensor, weight: Tensor) -> Tensor:
    log_p = logits.log_softmax(-1).masked_fill(~live, 0.0)
    p = logits.softmax(-1).masked_fill(~live, 0.0)
    raw = logits.masked_fill(~live, 0.0)
    centred = (raw - raw.sum(-1, keepdim=True) / live.sum()).masked_fill(~live, 0.0)
    mean = (p * weight.unsqueeze(-1)).sum(0) / weight.sum().clamp(min=1e-12)
    return torch.stack((centred, p, log_p, mean.expand_as(p)), dim=-1)
