"""The norms against PyTorch's own, and which rows they look at."""

import pytest
import torch
from torch import Tensor, nn

from metassl.backbones.conv4 import Conv4
from metassl.errors import ConfigError
from metassl.norms.base import Pass
from metassl.norms.kinds import BatchStatistics, Group, RunningStatistics, make_norm

SHAPES = [(6, 3, 5, 4), (6, 3)]


def spread(*shape: int, seed: int = 0) -> Tensor:
    """Normal numbers whose mean is not 0 and whose variance is not 1."""
    return 1 + 2 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def reference(channels: int, dimensions: int) -> nn.BatchNorm1d | nn.BatchNorm2d:
    return (nn.BatchNorm2d if dimensions == 4 else nn.BatchNorm1d)(channels).double()


def twins(make: type[nn.Module], shape: tuple[int, ...]) -> tuple[nn.Module, nn.Module]:
    """Ours and PyTorch's, with the same γ and β, neither 1 and 0."""
    ours, theirs = make(shape[1]).double(), reference(shape[1], len(shape))
    for norm in (ours, theirs):
        norm.weight.data, norm.bias.data = spread(shape[1], seed=1), spread(shape[1], seed=2)
    return ours, theirs


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_batch_statistics_are_batch_norm_in_training(shape: tuple[int, ...], training: bool) -> None:
    ours, theirs = twins(BatchStatistics, shape)
    x = spread(*shape)
    expected = theirs(x)
    ours.train(training)  # it makes no difference: nothing is kept
    torch.testing.assert_close(ours(x), expected)
    torch.testing.assert_close(ours(x, Pass(torch.ones(6).double())), expected)


@pytest.mark.parametrize("make", [BatchStatistics, RunningStatistics])
@pytest.mark.parametrize("shape", SHAPES)
def test_statistics_come_from_the_marked_rows_alone(shape: tuple[int, ...], make) -> None:
    ours, theirs = twins(make, shape)
    x = spread(*shape)
    rows = torch.tensor([1.0, 0, 1, 1, 0, 1]).double()
    marked = rows.bool()
    found = ours(x, Pass(rows))
    torch.testing.assert_close(found[marked], theirs(x[marked]))
    # an unmarked row is normalised with the statistics of the others
    axes = [0, *range(2, len(shape))]
    mean, var = x[marked].mean(axes, keepdim=True), x[marked].var(axes, correction=0, keepdim=True)
    view = (1, -1) + (1,) * (len(shape) - 2)
    expected = (x - mean) / (var + 1e-5).sqrt() * ours.weight.view(view) + ours.bias.view(view)
    torch.testing.assert_close(found, expected)
    changed = x.clone()
    changed[~marked] += 50
    torch.testing.assert_close(ours(changed, Pass(rows))[marked], found[marked])


@pytest.mark.parametrize("marked", [None, [1.0] * 6, [1.0, 0, 1, 1, 0, 1]])
@pytest.mark.parametrize("shape", SHAPES)
def test_running_statistics_are_batch_norm(shape: tuple[int, ...], marked: list[float] | None) -> None:
    ours, theirs = twins(RunningStatistics, shape)
    rows = None if marked is None else torch.tensor(marked).double()
    kept = slice(None) if rows is None else rows.bool()
    for k in range(3):
        x = spread(*shape, seed=k) * (k + 1)
        torch.testing.assert_close(ours(x, Pass(rows))[kept], theirs(x[kept]))
    torch.testing.assert_close(ours.mean, theirs.running_mean)
    torch.testing.assert_close(ours.var, theirs.running_var)
    ours.eval(), theirs.eval()
    before = ours.mean.clone()
    torch.testing.assert_close(ours(x, Pass(rows)), theirs(x))  # at test the rows make no difference
    assert torch.equal(ours.mean, before)


@pytest.mark.parametrize("marked", [None, [1.0, 0, 1, 1, 0, 1]])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_pass_that_only_looks_gives_the_same_and_moves_nothing(
    shape: tuple[int, ...], marked: list[float] | None
) -> None:
    rows, x = None if marked is None else torch.tensor(marked).double(), spread(*shape)
    looking, moving = (twins(RunningStatistics, shape)[0] for _ in range(2))
    torch.testing.assert_close(looking(x, Pass(rows, moves=False)), moving(x, Pass(rows)))
    assert not looking.mean.any()
    assert (looking.var == 1).all()
    assert moving.mean.all()
    assert (moving.var != 1).all()


@pytest.mark.parametrize("channels", [1, 3, 4, 6, 7, 8, 12, 64])
def test_group_takes_the_largest_divisor_up_to_eight(channels: int) -> None:
    norm = Group(channels).norm
    assert norm.num_groups == {1: 1, 3: 3, 4: 4, 6: 6, 7: 7, 8: 8, 12: 6, 64: 8}[channels]
    x = spread(2, channels, 3, 3)
    parts = x.view(2, norm.num_groups, -1)
    expected = (parts - parts.mean(2, keepdim=True)) / (
        parts.var(2, correction=0, keepdim=True) + 1e-5
    ).sqrt()
    torch.testing.assert_close(Group(channels).double()(x), expected.view_as(x))


def test_group_of_an_awkward_number_of_channels() -> None:
    assert Group(22).norm.num_groups == 2
    assert Group(11).norm.num_groups == 1


def test_unknown_norm() -> None:
    with pytest.raises(ConfigError, match=r"backbone\.norm: found 'bacth'\. Did you mean 'batch'\?"):
        make_norm("bacth", 4)
    with pytest.raises(ConfigError, match=r"backbone\.norm: found 'suport'\. Did you mean 'support'\?"):
        Conv4((1, 16, 16), 4, "suport")


def test_averages_in_training_are_those_of_test_and_stay() -> None:
    """A pass by the averages gives what a test gives, also where a later pass moves them before its gradient."""
    norm, x = RunningStatistics(3).double(), torch.randn(6, 3, 4, 4, dtype=torch.float64)
    norm(x)
    expected = norm.eval()(x)
    norm.train()
    found = norm(x, Pass(moves=False, averages=True))
    torch.testing.assert_close(found, expected)
    (found + norm(2 * x)).sum().backward()
    assert norm.weight.grad is not None
    torch.testing.assert_close(norm(x, Pass(torch.ones(6).double(), averages=True)), norm.eval()(x))
