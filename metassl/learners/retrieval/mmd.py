"""Maximum mean discrepancy between the features of two tasks.

Legend: M stored tasks, n rows of a task, D features.
"""

from torch import Tensor

from metassl.learners.retrieval.distance import NewTask, TaskDistance, TaskSet, mean_cost, squared_costs
from metassl.schema.ranges import Positive


class MMD(TaskDistance):
    """Compares tasks by the distributions of their images' features, without labels.

    d = Σ a_i a_j k(x_i, x_j) - 2 Σ a_i b_j k(x_i, y_j) + Σ b_i b_j k(y_i, y_j), k = exp(-‖x - y‖²/(γ·c̄)).

    x are the features of S ∪ U of one task and a their shares, y and b those of the other. It looks at no
    label: two tasks with the same images and other classes have distance 0. c̄ is the mean squared distance
    between the new task's rows and all stored ones.

    Differs from the paper: the bandwidth is the mean squared distance, theirs (section 8) the median, which
    weighted rows have no plain form of.

    Source: Gretton et al. 2012, eq. 5, squared (biased, so 0 for equal sets).

    Args:
        bandwidth: γ > 0.
    """

    def __init__(self, bandwidth: Positive = 1.0) -> None:
        super().__init__()
        self.bandwidth = bandwidth

    def forward(self, new: NewTask, stored: TaskSet) -> Tensor:
        """[M] in 0..2."""
        x, a, y, b = new.task.rows, new.task.shares, stored.rows, stored.shares
        across = squared_costs(x, y)
        width = self.bandwidth * mean_cost(across, a, b)

        def similarity(cost: Tensor, left: Tensor, right: Tensor) -> Tensor:
            weight = left.unsqueeze(-1) * right.unsqueeze(-2)
            return (weight * (-cost / width).exp()).sum((-1, -2))

        within = similarity(squared_costs(x, x), a, a) + similarity(squared_costs(y, y), b, b)
        return (within - 2 * similarity(across, a, b)).clamp(min=0)
