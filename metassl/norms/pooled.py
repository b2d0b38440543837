"""Batch normalisation and 2×2 max-pooling as one operation, for the second-order gradients of a CPU.

A norm is one affine map a channel, s·x + t, so max-pooling commutes with it: max(s·x + t) = s·ext(x) + t,
where ext is the maximum for s > 0 and the minimum for s < 0. Only the statistics and the choice of the winner
of each 2×2 window look at the whole map; all the rest happens on a quarter of it. The derivatives on the
whole map are written by hand; the second one of PyTorch's native norm falls apart into many passes over it.

Legend: T tasks, n rows, C channels, H, W sides of the map, h, w sides of the pooled map.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional as F

Outputs = tuple[Tensor | None, ...]
PLACES = (0, 2, 3)
_IN_CPP: ContextVar[bool] = ContextVar("in_cpp", default=False)


@contextmanager
def in_cpp() -> Iterator[None]:
    """Takes the C++ kernels where they apply, in this thread; metassl.norms.kernels loads them first."""
    token = _IN_CPP.set(True)
    try:
        yield
    finally:
        _IN_CPP.reset(token)


def _known_to_cpp(x: Tensor) -> bool:
    plain = x.device.type == "cpu" and x.dtype in (torch.float32, torch.float64) and x.numel() > 0
    return plain and not torch._C._are_functorch_transforms_active()


def norm_max_pool(x: Tensor, weight: Tensor, bias: Tensor, rows: Tensor | None, eps: float) -> Tensor:
    """Normalises and max-pools a map in one pass, which is faster than one after the other.

    max_pool2d(γ (x - μ) / sqrt(σ² + ε) + β, 2), μ and σ² over the marked rows and their places.

    Of equal values in a window the first takes the gradient, as in PyTorch.

    Args:
        x: [n, C, H, W]; weight: [C] γ; bias: [C] β.
        rows: [n] weights of the rows in the statistics, None for all alike.
        eps: ε.

    Returns:
        [n, C, H//2, W//2].
    """
    share = None if rows is None else rows / (rows.sum() * x.shape[2] * x.shape[3])
    if _IN_CPP.get() and _known_to_cpp(x):
        return cast(Tensor, torch.ops.metassl.norm_max_pool(x, weight, bias, share, eps))
    if share is not None:
        share = share.view(-1, 1, 1, 1).expand(-1, x.shape[1], 1, 1)
    z, mean, var, _ = _Extremes.apply(x, weight.detach(), share)
    scale = weight * torch.rsqrt(var + eps)
    return torch.addcmul(_column(bias - mean * scale), z, _column(scale))


def channels_last(x: Tensor) -> Tensor:
    """Lays a map out in memory as a CPU pools and normalises it fastest.

    x [n, C, H, W] with the channels last in memory, where a CPU pools and normalises much faster.

    By a view, not by torch's memory format, which takes a map of one channel as it is and so lets the first
    convolution put the channels of its output first.
    """
    n, channels, height, width = x.shape
    return x.movedim(1, -1).flatten(1).view(n, height, width, channels).movedim(-1, 1)


def _signed(forward: Callable[..., Any]) -> Any:
    """Keeps the signature, which torch would take apart anew at each call (0.15 ms)."""
    forward.__signature__ = inspect.signature(forward)  # type: ignore[attr-defined]
    return staticmethod(forward)


class _Extremes(Function):
    """x, γ -> ext(x) [n, C, h, w], μ [C], σ² [C], and the place of ext(x) in its map (max_pool2d's count).

    share: [n, C, 1, 1] of each row's places in the mean, None for 1/(n·H·W) of all.
    """

    @_signed
    def forward(x: Tensor, weight: Tensor, share: Tensor | None) -> tuple[Tensor, ...]:
        x, falls = _last(x), weight < 0
        if bool(falls.any()):
            sign = _column(torch.where(falls, -1.0, 1.0).to(x.dtype))
            z, place = F.max_pool2d(x * sign, 2, return_indices=True)
            return z * sign, *_statistics(x, share), place
        z, place = F.max_pool2d(x, 2, return_indices=True)
        return z, *_statistics(x, share), place

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Any, ...]) -> None:
        (x, _, share), (_, mean, _, place) = inputs, output
        ctx.mark_non_differentiable(place)
        ctx.save_for_backward(x, mean, place, share)

    @staticmethod
    def backward(ctx: Any, gz: Tensor, gmean: Tensor, gvar: Tensor, _: Tensor) -> Outputs:
        return _Spread.apply(*ctx.saved_tensors, gz, gmean, gvar), None, None

    @staticmethod
    def vmap(info: Any, dims: tuple[int | None, ...], *args: Tensor | None) -> tuple[Any, Any]:
        z, mean, var, place = _Extremes.apply(*_folded(args, dims, info.batch_size))
        columns = (a.view(info.batch_size, -1) for a in (mean, var))
        return (_unfold(z, info.batch_size), *columns, _unfold(place, info.batch_size)), (1, 0, 0, 1)


class _Spread(Function):
    """The transposed derivative of _Extremes: g_x = put(g_z) + share·(g_μ + 2 g_σ²·(x - μ))."""

    @_signed
    def forward(
        x: Tensor, mean: Tensor, place: Tensor, share: Tensor | None, gz: Tensor, gmean: Tensor, gvar: Tensor
    ) -> Tensor:
        slope = 2 * gvar
        level, slope = (_shared(a, x, share) for a in (gmean - slope * mean, slope))
        out = torch.addcmul(level, _last(x), slope)
        _memory(out).scatter_add_(0, _memory(_address(place, x.shape)), _memory(gz))
        return out

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, mean, place, share, _, _, gvar = inputs
        ctx.save_for_backward(x, mean, place, share, gvar)

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> Outputs:
        x, mean, place, share, gvar = ctx.saved_tensors
        part = v if share is None else v * share
        total, against = part.sum(PLACES), (part * x).sum(PLACES)
        if share is None:
            total, against = (a * (x.shape[1] / x.numel()) for a in (total, against))
        g_z = v.flatten(2).gather(2, place.flatten(2)).view_as(place)
        g_x, g_var = v * _shared(2 * gvar, x, share), 2 * (against - mean * total)
        return g_x, -2 * gvar * total, None, None, g_z, total, g_var

    @staticmethod
    def vmap(info: Any, dims: tuple[int | None, ...], *args: Tensor | None) -> tuple[Any, Any]:
        return _unfold(_Spread.apply(*_folded(args, dims, info.batch_size)), info.batch_size), 1


def _shared(a: Tensor, x: Tensor, share: Tensor | None) -> Tensor:
    """[C] -> [n or 1, C, 1, 1] times each row's share."""
    return _column(a * (x.shape[1] / x.numel())) if share is None else _column(a) * share


def _statistics(x: Tensor, share: Tensor | None) -> tuple[Tensor, Tensor]:
    """[C] mean and biased variance."""
    if share is None:
        # PyTorch's kernel adds up each channel in one float32 (errors of 1e-4 on large maps); each column of
        # the maps apart costs nothing and adds up W times fewer numbers
        columns = _last(x).permute(0, 2, 3, 1).flatten(2).flatten(0, 1)
        kept = x.new_zeros(columns.shape[1])
        parts = torch.batch_norm_update_stats(columns, kept, kept.clone(), 0.0)
        means, variances = (part.view(-1, x.shape[1]) for part in parts)
        mean = means.mean(0)
        return mean, variances.mean(0) + (means - mean).square().mean(0)
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
    return torch.add(_starts(shape, place.device), place, alpha=shape[1])


@lru_cache(maxsize=64)
def _starts(shape: torch.Size, device: torch.device) -> Tensor:
    """[n, C, 1, 1] where each map starts."""
    with torch.inference_mode(False):
        row = torch.arange(shape[0], device=device).view(-1, 1, 1, 1) * shape[1:].numel()
        return row + _column(torch.arange(shape[1], device=device))


def _folded(args: Sequence[Tensor | None], dims: Sequence[int | None], tasks: int) -> list[Tensor | None]:
    return [None if a is None else _fold(a, d, tasks) for a, d in zip(args, dims, strict=True)]


def _fold(a: Tensor, dim: int | None, tasks: int) -> Tensor:
    """Tasks become channels: [n, C, ...] of each -> [n, T·C, ...]; [C] of each -> [T·C]."""
    a = a.unsqueeze(0).expand(tasks, *a.shape) if dim is None else a.movedim(dim, 0)
    if a.dim() == 2:
        return a.reshape(-1)
    return a.movedim(0, 1).flatten(1, 2)


def _unfold(a: Tensor, tasks: int) -> Tensor:
    """[n, T·C, ...] -> [n, T, C, ...]."""
    return a.unflatten(1, (tasks, -1))
