"""Batch normalisation and 2×2 max-pooling as one operation, for the second-order gradients of a CPU.

A norm is one affine map a channel, s·x + t, so max-pooling commutes with it: max(s·x + t) = s·ext(x) + t, where
ext is the maximum for s > 0 and the minimum for s < 0. Only the statistics and the choice of the winner of each
2×2 window look at the whole map; all the rest happens on a quarter of it. The derivatives on the whole map are
written by hand: two passes for the first and three for the second, where PyTorch's native norm has about twenty.

Legend: T tasks, n rows, C channels, H, W sides of the map, h, w sides of the pooled map.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional as F

from metassl.backbones.statistics import row_statistics

Outputs = tuple[Tensor | None, ...]
PLACES = (0, 2, 3)


class PoolableNorm(nn.Module):
    """A norm that can be asked for its output after 2×2 max-pooling."""

    def pooled(self, x: Tensor, rows: Tensor | None) -> Tensor:
        """max_pool2d(norm(x), 2): [n, C, H, W] -> [n, C, H//2, W//2]."""
        return F.max_pool2d(self(x, rows), 2)


def norm_max_pool(x: Tensor, weight: Tensor, bias: Tensor, rows: Tensor | None, eps: float) -> Tensor:
    """max_pool2d(γ (x - μ) / sqrt(σ² + ε) + β, 2), μ and σ² over the marked rows and their places.

    Of equal values in a window the first takes the gradient, as in PyTorch.

    Args:
        x: [n, C, H, W]; weight: [C] γ; bias: [C] β.
        rows: [n] weights of the rows in the statistics, None for all alike.
        eps: ε.

    Returns:
        [n, C, H//2, W//2].
    """
    sign = torch.where(weight.detach() < 0, -1.0, 1.0).to(x.dtype)
    if rows is None:
        share = x.new_full((1, 1, 1, 1), x.shape[1] / x.numel())
    else:
        share = (rows / (rows.sum() * x.shape[2] * x.shape[3])).view(-1, 1, 1, 1)
    z, mean, var, _ = _Extremes.apply(x, _column(sign), share.expand(-1, x.shape[1], 1, 1))
    scale = weight * torch.rsqrt(var + eps)
    return torch.addcmul(_column(bias - mean * scale), z, _column(scale))


def channels_last(x: Tensor) -> Tensor:
    """x [n, C, H, W] with the channels last in memory, where a CPU pools and normalises much faster.

    By a view, not by torch's memory format, which takes a map of one channel as it is and so lets the first
    convolution put the channels of its output first.
    """
    n, channels, height, width = x.shape
    return x.movedim(1, -1).flatten(1).view(n, height, width, channels).movedim(-1, 1)


class _Extremes(Function):
    """x -> ext(x) [n, C, h, w], μ [C], σ² [C], and the place of ext(x) in its map, as max_pool2d counts it.

    sign: [1, C, 1, 1]; share: [n or 1, C, 1, 1] of each row's places in the mean.
    """

    @staticmethod
    def forward(x: Tensor, sign: Tensor, share: Tensor) -> tuple[Tensor, ...]:
        x = _last(x)
        flips = bool((sign < 0).any())
        z, place = F.max_pool2d(x * sign if flips else x, 2, return_indices=True)
        return (z * sign if flips else z), *_statistics(x, share), place

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Any, ...]) -> None:
        (x, _, share), (_, mean, _, place) = inputs, output
        ctx.mark_non_differentiable(place)
        ctx.save_for_backward(x, mean, place, share)

    @staticmethod
    def backward(ctx: Any, gz: Tensor, gmean: Tensor, gvar: Tensor, _: Tensor) -> Outputs:  # type: ignore[override]
        return _Spread.apply(*ctx.saved_tensors, gz, gmean, gvar), None, None

    @staticmethod
    def vmap(info: Any, dims: tuple[int | None, ...], *args: Tensor) -> tuple[Any, Any]:  # type: ignore[override]
        z, mean, var, place = _Extremes.apply(*(_fold(a, d, info.batch_size) for a, d in zip(args, dims, strict=True)))
        columns = (a.view(info.batch_size, -1) for a in (mean, var))
        return (_unfold(z, info.batch_size), *columns, _unfold(place, info.batch_size)), (1, 0, 0, 1)


class _Spread(Function):
    """The transposed derivative of _Extremes: g_x = put(g_z) + share·(g_μ + 2 g_σ²·(x - μ))."""

    @staticmethod
    def forward(
        x: Tensor, mean: Tensor, place: Tensor, share: Tensor, gz: Tensor, gmean: Tensor, gvar: Tensor
    ) -> Tensor:
        slope = 2 * share * _column(gvar)
        out = torch.addcmul(share * _column(gmean) - slope * _column(mean), _last(x), slope)
        _memory(out).scatter_add_(0, _memory(_address(place, x.shape)), _memory(gz))
        return out

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, mean, place, share, _, _, gvar = inputs
        ctx.save_for_backward(x, mean, place, share, gvar)

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> Outputs:  # type: ignore[override]
        x, mean, place, share, gvar = ctx.saved_tensors
        part = share * v
        total = part.sum(PLACES)
        g_var = 2 * ((part * x).sum(PLACES) - mean * total)
        g_z = v.flatten(2).gather(2, place.flatten(2)).view_as(place)
        return 2 * _column(gvar) * part, -2 * gvar * total, None, None, g_z, total, g_var

    @staticmethod
    def vmap(info: Any, dims: tuple[int | None, ...], *args: Tensor) -> tuple[Any, Any]:  # type: ignore[override]
        folded = (_fold(a, d, info.batch_size) for a, d in zip(args, dims, strict=True))
        return _unfold(_Spread.apply(*folded), info.batch_size), 1


def _statistics(x: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """[C] mean and biased variance."""
    if len(share) == 1:
        kept = x.new_zeros(x.shape[1])
        mean, var = torch.batch_norm_update_stats(x, kept, kept.clone(), 0.0)
        return mean, var
    mean = (x * share).sum(PLACES)
    return mean, ((x - _column(mean)).square() * share).sum(PLACES)


def _column(a: Tensor) -> Tensor:
    return a.view(1, -1, 1, 1)


def _last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


def _memory(x: Tensor) -> Tensor:
    """[n·H·W·C] a view on channels-last memory (or a copy in that order)."""
    return x.permute(0, 2, 3, 1).reshape(-1)


def _address(place: Tensor, shape: torch.Size) -> Tensor:
    """Where each place lies in channels-last memory of that shape."""
    n, channels, height, width = shape
    row = torch.arange(n, device=place.device).view(n, 1, 1, 1) * (channels * height * width)
    return torch.add(row + _column(torch.arange(channels, device=place.device)), place, alpha=channels)


def _fold(a: Tensor, dim: int | None, tasks: int) -> Tensor:
    """Tasks become channels: [n, C, ...] of each -> [n, T·C, ...]; [C] of each -> [T·C]."""
    a = a.unsqueeze(0).expand(tasks, *a.shape) if dim is None else a.movedim(dim, 0)
    if a.dim() == 2:
        return a.reshape(-1)
    return a.movedim(0, 1).flatten(1, 2)


def _unfold(a: Tensor, tasks: int) -> Tensor:
    """[n, T·C, ...] -> [n, T, C, ...]."""
    return a.unflatten(1, (tasks, -1))
