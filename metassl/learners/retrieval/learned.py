"""A metric between tasks that learns which stored task is a good start for a new one.

Legend: M stored tasks, n rows of a task, D features, E size of an embedding, H hidden, C candidates.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from metassl.learners.retrieval.distance import NewTask, TaskDistance, TaskSet
from metassl.schema.constructor import checked
from metassl.schema.ranges import Count, NotNegative, Several, Whole


class LearnedMetric(TaskDistance):
    """Compares tasks by learned embeddings, trained to say which stored task helps more.

    d = ‖g_ψ(i) - g_ψ(j)‖², g_ψ(i) = ρ(mean over rows of φ([z, 1[labelled]])) of S ∪ U.

    ψ is trained to predict transfer: of C stored tasks drawn for each training task, the one that leads to
    the smaller query loss must be the nearer one, by Σ log(1 + exp(d_better - d_worse)) over the pairs. The
    query losses are constants. ψ also learns end to end, through the weights of the start.

    Differs from the paper: Dataset2Vec learns to tell batches of one data set from those of others; that d
    predicts transfer is ours.

    Source: set embedding Zaheer et al. 2017, Theorem 2; distance of embedded data sets as in Jomaa et al.
    2021 (Dataset2Vec); ranking loss Burges et al. 2005 (RankNet).

    Args:
        features: D; hidden: H; size: E.
        candidates: C, 2 or more.
        steps: inner steps before the candidates' query losses are compared.
        weight: of the ranking loss in the outer loss.
    """

    learned = True

    @checked("distance")
    def __init__(
        self,
        features: int,
        hidden: Count = 64,
        size: Count = 16,
        candidates: Several = 3,
        steps: Whole = 3,
        weight: NotNegative = 1.0,
    ) -> None:
        super().__init__()
        self.candidates, self.steps, self.weight = candidates, steps, weight
        self.row = nn.Linear(features + 1, hidden)
        self.pooled = nn.Linear(hidden, size)

    def draws(self, size: int) -> int:
        """A number for each candidate."""
        return self.candidates

    def embed(self, task: TaskSet) -> Tensor:
        """[..., E] embeddings."""
        rows = torch.cat((task.rows, task.labelled.unsqueeze(-1)), dim=-1)
        mean = (F.relu(self.row(rows)) * task.shares.unsqueeze(-1)).sum(-2)
        embedded: Tensor = self.pooled(mean)
        return embedded

    def forward(self, new: NewTask, stored: TaskSet) -> Tensor:
        """[M] >= 0."""
        return (self.embed(stored) - self.embed(new.task)).square().sum(-1)

    def loss(self, new: NewTask, stored: TaskSet, count: Tensor) -> Tensor:
        """The ranking loss of a task, 0 where no two candidates differ."""
        places = (new.random * count).long().clamp(max=len(stored.weight) - 1)
        left, distance = new.losses(places, self.steps), self(new, stored)[places]
        better = (left.unsqueeze(1) < left.unsqueeze(0)).to(distance.dtype)
        wrong = F.softplus(distance.unsqueeze(1) - distance.unsqueeze(0))
        return self.weight * (better * wrong).sum() / better.sum().clamp(min=1)
