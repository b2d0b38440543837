"""The learned metric: it finds what helps transfer, by a ranking loss."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from metassl.learners.retrieval.distance import TaskSet
from tests.support.task_sets import ITEMS, D, learned, memory, newcomer, place


def test_learned_metric_finds_what_helps_transfer() -> None:
    """Planted: tasks transfer by feature 0; the others mean nothing."""
    generator = torch.Generator().manual_seed(1)

    def tasks(count: int) -> tuple[TaskSet, Tensor]:
        kind = torch.rand(count, generator=generator).double()
        rows = torch.randn(count, 1, D, generator=generator) + 0.3 * torch.randn(
            count, ITEMS, D, generator=generator
        )
        rows[..., 0] += 2 * kind.unsqueeze(-1) - rows[..., 0].mean(1, keepdim=True)
        return TaskSet(rows.double(), *[torch.ones(count, ITEMS).double()] * 2, torch.zeros(count, 0)), kind

    stored, kinds = tasks(16)
    metric = learned(hidden=16, candidates=8)
    optimizer = torch.optim.Adam(metric.parameters(), 0.01)
    agreed, losses = [], []
    for step in range(250):
        batch, kind = tasks(1)
        gap = (kinds - kind).abs()
        new = newcomer(place(batch, 0), gap, torch.rand(8, generator=generator).double())
        loss = metric.loss(new, stored, torch.tensor(16))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if step < 30 or step >= 220:
            d = metric(new, stored).detach()
            better = gap.unsqueeze(1) < gap.unsqueeze(0)
            agreed.append((d.unsqueeze(1) < d.unsqueeze(0))[better].double().mean().item())
    assert np.mean(losses[-30:]) < 0.3 * np.mean(losses[:30])
    assert np.mean(agreed[-30:]) > 0.9 > np.mean(agreed[:30]) + 0.1


def test_ranking_loss_written_out() -> None:
    metric, stored, new = learned(), memory(), place(memory(1), 0)
    losses = torch.tensor([0.3, 0.9, 0.1, 0.5]).double()
    d = metric(newcomer(new), stored)
    # the draws 0.6 and 0.1 of 3 stored tasks are the places 1 and 0
    asked = newcomer(new, losses, torch.tensor([0.6, 0.1]).double())
    expected = F.softplus(d[0] - d[1])  # 0 is the better start
    torch.testing.assert_close(metric.loss(asked, stored, torch.tensor(3)), expected)
    # the same place twice: nothing to rank
    twice = newcomer(new, losses, torch.tensor([0.6, 0.5]).double())
    assert metric.loss(twice, stored, torch.tensor(3)) == 0
