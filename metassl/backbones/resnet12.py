"""ResNet-12, the deeper network of the few-shot literature."""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from metassl.backbones.base import Backbone
from metassl.errors import ConfigError
from metassl.norms.base import ALL_ROWS, Pass
from metassl.norms.kinds import Norm, make_norm
from metassl.schema.ranges import Counts, Whole


class ResidualBlock(nn.Module):
    """Three 3×3 convolutions with norm, a 1×1 shortcut, leaky ReLU (0.1) and 2×2 max-pool."""

    def __init__(self, channels_in: int, channels: int, norm: str, norm_steps: int) -> None:
        super().__init__()
        sizes = (channels_in, channels, channels, channels)
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1, bias=False) for a, b in pairwise(sizes))
        self.norms = nn.ModuleList(make_norm(norm, channels, norm_steps) for _ in self.convs)
        self.shortcut = nn.Conv2d(channels_in, channels, 1, bias=False)
        self.shortcut_norm = make_norm(norm, channels, norm_steps)

    def forward(self, x: Tensor, how: Pass) -> Tensor:
        """[n, C_in, H, W] -> [n, C, H/2, W/2] (sides rounded down)."""
        residual = self.shortcut_norm(self.shortcut(x), how)
        for k, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            x = norm(conv(x), how)
            if k < len(self.convs) - 1:
                x = F.leaky_relu(x, 0.1)
        return F.max_pool2d(F.leaky_relu(x + residual, 0.1), 2)


class ResNet12(Backbone):
    """Four residual blocks and global average pooling; D = the last block's channels.

    Differs from the paper: without DropBlock.

    Source: Lee et al. 2019 (MetaOptNet), section 4.1.

    Args:
        input_shape: (C, H, W), H and W at least 16.
        channels: of the four blocks.
        norm: one of running, batch, support, group, none, or per_step and per_step_running.
        norm_steps: inner steps that have scales and shifts of their own in the norms of the last two kinds.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        channels: Counts = (64, 160, 320, 640),
        norm: Norm = "batch",
        norm_steps: Whole = 0,
    ) -> None:
        super().__init__()
        if len(input_shape) != 3 or min(input_shape[1:]) < 2 ** len(channels):
            raise ConfigError(
                f"backbone: resnet12 needs images of at least {2 ** len(channels)} pixels a side, the "
                f"dataset's inputs have shape {tuple(input_shape)}; for vectors take backbone=mlp."
            )
        self.norm = norm
        sizes = [input_shape[0], *channels]
        self.blocks = nn.ModuleList(ResidualBlock(a, b, norm, norm_steps) for a, b in pairwise(sizes))
        self.out_dim = sizes[-1]

    def forward(self, x: Tensor, how: Pass = ALL_ROWS) -> Tensor:
        """[n, C, H, W] -> [n, D]."""
        for block in self.blocks:
            x = block(x, how)
        return x.mean((2, 3))
