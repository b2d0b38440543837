"""Conv4, the four-block network of the few-shot literature."""

from itertools import pairwise
from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from metassl.backbones.base import Backbone, output_size
from metassl.errors import ConfigError
from metassl.norms.base import ALL_ROWS, Pass
from metassl.norms.kinds import BatchStatistics, Norm, make_norm
from metassl.norms.pooled import channels_last
from metassl.schema.ranges import Count, Positive, Whole


class Block(nn.Module):
    """3×3 convolution → norm → ReLU → 2×2 max-pool, the last where it `pools`."""

    def __init__(
        self, channels_in: int, channels: int, norm: str, norm_steps: int, pools: bool = True
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels, 3, padding=1)
        self.norm = make_norm(norm, channels, norm_steps)
        self.pools = pools

    def forward(self, x: Tensor, how: Pass) -> Tensor:
        """[n, C_in, H, W] -> [n, C, H/2, W/2], or [n, C, H, W] without the pooling."""
        if not self.pools:
            return F.relu(self.norm(self._convolved(x), how))
        # max and ReLU commute, and ReLU after the pooling touches a quarter of the values
        affine = self.norm.affine()
        if affine is None:
            return F.relu(self.norm.pooled(self._convolved(x), how))
        scale, shift = affine  # then the convolution can do the norm's work
        assert self.conv.bias is not None
        weight, bias = self.conv.weight * scale.view(-1, 1, 1, 1), self.conv.bias * scale + shift
        return F.relu(F.max_pool2d(F.conv2d(x, weight, bias, padding=1), 2))

    def _convolved(self, x: Tensor) -> Tensor:
        if not isinstance(self.norm, BatchStatistics) or self.conv.bias is None:
            return cast(Tensor, self.conv(x))
        # the batch's mean takes the bias away again, so its gradient is 0; to work that out would be a pass
        # over the map in each derivative
        return F.conv2d(x, self.conv.weight, self.conv.bias.detach(), padding=1)


class Conv4(Backbone):
    """Four blocks of 3×3 convolution, norm, ReLU and 2×2 max-pool, flattened.

    D = filters·(H//2^pools)·(W//2^pools): 64 for 28×28 and 64 filters, 1,600 for 84×84. At 28×28 four
    poolings leave one place; Sung et al. 2018 pool in the first two blocks alone, for maps of several places.
    Source: Vinyals et al. 2016, section 4.1.1; Snell et al. 2017, section 3.

    Args:
        input_shape: (C, H, W), H and W at least 2^pools.
        filters: channels of each block.
        norm: one of running, batch, support, group, none, or per_step and per_step_running.
        norm_steps: inner steps that have scales and shifts of their own in the norms of the last two kinds.
        depth: number of blocks.
        pools: how many of them pool, the first ones; None: all.
        init_std: of a normal distribution, cut at two deviations, that the convolutions' weights start from,
            with biases of 0 (Ren et al. 2018, code); None: PyTorch's initialisation.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        filters: Count = 16,
        norm: Norm = "batch",
        norm_steps: Whole = 0,
        depth: Count = 4,
        init_std: Positive | None = None,
        pools: Whole | None = None,
    ) -> None:
        super().__init__()
        pools = depth if pools is None else min(pools, depth)
        if len(input_shape) != 3 or min(input_shape[1:]) < 2**pools:
            raise ConfigError(
                f"backbone: conv4 needs images of at least {2**pools}×{2**pools}, the dataset's inputs have "
                f"shape {tuple(input_shape)}; for vectors take backbone=mlp."
            )
        self.norm = norm
        channels = [input_shape[0]] + [filters] * depth
        self.blocks = nn.ModuleList(
            Block(a, b, norm, norm_steps, k < pools) for k, (a, b) in enumerate(pairwise(channels))
        )
        self.map_size = (filters, input_shape[1] // 2**pools, input_shape[2] // 2**pools)
        if init_std is not None:
            self._start_from(init_std)
        self.out_dim = output_size(self, input_shape)

    @property
    def map_shape(self) -> tuple[int, ...]:
        """(filters, height, width) of the last block."""
        return self.map_size

    def _start_from(self, std: float) -> None:
        for conv in (m for m in self.modules() if isinstance(m, nn.Conv2d)):
            nn.init.trunc_normal_(conv.weight, std=std, a=-2 * std, b=2 * std)
            assert conv.bias is not None
            nn.init.zeros_(conv.bias)

    def forward(self, x: Tensor, how: Pass = ALL_ROWS) -> Tensor:
        """[n, C, H, W] -> [n, D]."""
        x = channels_last(x)
        for block in self.blocks:
            x = block(x, how)
        return x.flatten(1)
