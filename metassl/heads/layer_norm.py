"""Layer normalisation, for the heads that attend."""

import torch
from torch import Tensor, nn


class LayerNorm(nn.Module):
    """Layer normalisation (Ba et al. 2016, eq. 4), written out: torch's own is wrong under vmap twice over.

    Args:
        width: W.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain, self.shift = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        """[..., W] -> [..., W]."""
        centred = x - x.mean(-1, keepdim=True)
        return self.gain * centred * torch.rsqrt(centred.square().mean(-1, keepdim=True) + 1e-5) + self.shift
