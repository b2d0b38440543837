"""Optimal transport between the features of two tasks.

Legend: M stored tasks, n rows of a task, D features.
"""

import torch
from torch import Tensor
from torch.func import vmap

from metassl.learners.retrieval.distance import NewTask, TaskDistance, TaskSet, mean_cost, squared_costs
from metassl.numerics.transport import sinkhorn_plan
from metassl.schema.ranges import Count, Positive


class Wasserstein(TaskDistance):
    """Compares tasks by the cost of moving the images' features of one onto the other's.

    d = min_P Σ_ij P_ij ‖x_i - y_j‖², P with the shares of the rows of S ∪ U as its sums: W₂². No labels.

    Within an adaptation P is Sinkhorn's, in the graph: under every engine and on every device the same
    numbers. `exact` solves the linear program with POT.

    Differs from the paper: the cost is that of the features alone; OTDD adds a distance of the labels, which
    U has none of.

    Source: Cuturi 2013, eq. 2; Alvarez-Melis & Fusi 2020 (OTDD).

    Args:
        reg: ε, as a share of the mean cost.
        iterations: of Sinkhorn's algorithm.
    """

    def __init__(self, reg: Positive = 0.05, iterations: Count = 50) -> None:
        super().__init__()
        self.reg, self.iterations = reg, iterations

    def forward(self, new: NewTask, stored: TaskSet) -> Tensor:
        """[M] >= 0."""
        a, b, cost = new.task.shares, stored.shares, squared_costs(new.task.rows, stored.rows)
        reg = self.reg * mean_cost(cost, a, b)

        def transported(cost: Tensor, b: Tensor) -> Tensor:
            return (sinkhorn_plan(cost, a, b, reg, self.iterations) * cost).sum()

        return vmap(transported)(cost, b)

    def exact(self, new: NewTask, stored: TaskSet) -> Tensor:
        """[M] W₂², by POT's network simplex; infinite for empty places. Not for use within a task."""
        from ot import emd2  # here, because it takes seconds to import

        costs = squared_costs(new.task.rows, stored.rows).detach().double().cpu().numpy()
        a, found = new.task.shares.double().cpu().numpy(), []
        for cost, b in zip(costs, stored.shares.double().cpu().numpy(), strict=True):
            found.append(float(emd2(a / a.sum(), b / b.sum(), cost)) if b.any() else float("inf"))
        return torch.tensor(found, dtype=torch.float64)
