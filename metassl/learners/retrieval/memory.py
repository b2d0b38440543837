"""A memory of training tasks with their adapted parameters, and the weights of the nearest of them.

Legend: M places, n rows of a task, D features, F numbers of a summary, P retrieved parameters.
"""

import torch
from torch import Tensor, nn

from metassl.learners.retrieval.distance import TaskSet


class TaskMemory(nn.Module):
    """Remembers the latest training tasks, so that a new task can start from similar ones.

    The last M tasks, as buffers: they are in every checkpoint, and are written in place.

    Features and differences are those under the θ of the moment of writing. As θ moves they age; the ring
    bounds how much, and `put` writes a place anew.

    Args:
        size: M.
        items: n; features: D; summary: F; parameters: P.
    """

    rows: Tensor
    weight: Tensor
    labelled: Tensor
    summary: Tensor
    delta: Tensor
    written: Tensor
    turn: Tensor

    def __init__(self, size: int, items: int, features: int, summary: int, parameters: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("rows", torch.zeros(size, items, features))
        self.register_buffer("weight", torch.zeros(size, items))
        self.register_buffer("labelled", torch.zeros(size, items))
        self.register_buffer("summary", torch.zeros(size, summary))
        self.register_buffer("delta", torch.zeros(size, parameters))
        self.register_buffer("written", torch.zeros((), dtype=torch.int64))
        self.register_buffer("turn", torch.zeros(size, dtype=torch.int64))  # of the last writing, from 1

    @property
    def count(self) -> Tensor:
        """Scalar number of places in use."""
        return self.written.clamp(max=self.size)

    @property
    def used(self) -> Tensor:
        """[M] bool, whether a place holds a task."""
        return torch.arange(self.size, device=self.written.device) < self.written

    def tasks(self) -> TaskSet:
        """The stored tasks' sets."""
        return TaskSet(self.rows, self.weight, self.labelled, self.summary)

    def mixed(self, weights: Tensor) -> Tensor:
        """[P] Σ_j w_j (φ_j - θ_j) for weights [M]; in full precision, also within autocast."""
        with torch.autocast(self.delta.device.type, enabled=False):
            return weights @ self.delta

    def next_place(self) -> int:
        """Where the next task comes: the oldest one's place."""
        return int(self.written) % self.size

    def oldest(self, count: int) -> list[int]:
        """Up to `count` places in use, those that were written longest ago first."""
        return self.turn[: int(self.count)].argsort()[:count].tolist()

    @torch.no_grad()
    def write(self, task: TaskSet, delta: Tensor) -> None:
        """Puts a task and its φ - θ [P] into the place of the oldest."""
        self.put(self.next_place(), task, delta)
        self.written.add_(1)

    @torch.no_grad()
    def put(self, place: int, task: TaskSet, delta: Tensor) -> None:
        """Writes a place anew."""
        for name in ("rows", "weight", "labelled", "summary"):
            getattr(self, name)[place].copy_(getattr(task, name))
        self.delta[place].copy_(delta)
        self.turn[place] = self.turn.max() + 1


def neighbour_weights(
    distances: Tensor, used: Tensor, neighbours: int | None, temperature: float | Tensor
) -> Tensor:
    """Says how much each stored task counts, by its distance to the new one.

    w_j = softmax_j(-d_j / (τ·d̄)) over the k nearest; [M], sums to 1, or all 0 for an empty memory.

    d̄ is the mean distance to all stored tasks, a constant: it makes τ mean the same for every distance.
    Tasks as far as the k-th all belong to the k nearest, so equal distances give the mean of all tasks.

    Args:
        distances: d [M].
        used: [M] bool.
        neighbours: k; None for all; 1 for the nearest alone.
        temperature: τ > 0.
    """
    far = torch.where(used, distances, torch.finfo(distances.dtype).max)
    k = min(neighbours or len(far), len(far))
    near = used & (far <= far.detach().sort().values[k - 1])
    live = torch.where(used, distances, 0)
    scale = (live.detach().sum() / used.sum().clamp(min=1)).clamp(min=1e-12)
    lowest = torch.finfo(distances.dtype).min
    weights = torch.where(near, -live / (temperature * scale), lowest).softmax(-1)
    return torch.where(near, weights, 0)
