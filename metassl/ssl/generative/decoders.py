"""Decoders p(x|y, z) of the semi-supervised VAE, one for images and one for vectors.

Legend: n items, L latent and E class numbers together the code, C channels, H height, W width.
"""

from math import ceil, log, pi

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Decoder(nn.Module):
    """What the VAE needs of a decoder."""

    def log_likelihood(self, x: Tensor, code: Tensor) -> Tensor:
        """[n] log p(x | code), a sum over the input's numbers: x [n, ...], code [n, L + E]."""
        raise NotImplementedError


class ImageDecoder(Decoder):
    """Redraws an image from its latent code.

    Two transposed convolutions; each pixel in 0..1 is Bernoulli: x log μ + (1 - x) log(1 - μ).

    Source: Kingma et al. 2014 (there a perceptron).

    Args:
        code: L + E.
        shape: (C, H, W).
        width: channels at a quarter of the size.
    """

    def __init__(self, code: int, shape: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.shape = shape
        self.small = (width, ceil(shape[1] / 4), ceil(shape[2] / 4))
        self.first = nn.Linear(code, width * self.small[1] * self.small[2])
        self.to_half = nn.ConvTranspose2d(width, width, 4, stride=2, padding=1)
        self.to_full = nn.ConvTranspose2d(width, shape[0], 4, stride=2, padding=1)

    def forward(self, code: Tensor) -> Tensor:
        """[n, C, H, W] logits of μ."""
        x = F.silu(self.first(code)).view(-1, *self.small)
        x = self.to_full(F.silu(self.to_half(x)))
        return x[..., : self.shape[1], : self.shape[2]]

    def log_likelihood(self, x: Tensor, code: Tensor) -> Tensor:
        """See Decoder; 0 at most."""
        logits = self(code)
        # log μ = logit - softplus(logit), log(1 - μ) = -softplus(logit)
        return (x * logits - F.softplus(logits)).flatten(1).sum(1)


class VectorDecoder(Decoder):
    """A perceptron gives the mean of a Gaussian of unit variance: for vectors near unit scale.

    A variance of its own could shrink to 0 on a few vectors, and the bound would have no end.
    Source: Kingma et al. 2014 (there with a learned variance).

    Args:
        code: L + E.
        shape: (d,).
        width: of the hidden layer.
    """

    def __init__(self, code: int, shape: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.mean = nn.Sequential(nn.Linear(code, width), nn.SiLU(), nn.Linear(width, shape[0]))

    def forward(self, code: Tensor) -> Tensor:
        """[n, d] means."""
        return self.mean(code)

    def log_likelihood(self, x: Tensor, code: Tensor) -> Tensor:
        """See Decoder."""
        return gaussian(x, self(code))


def gaussian(x: Tensor, mean: Tensor) -> Tensor:
    """Says how likely items are under a Gaussian of unit variance.

    [n] log N(x; mean, 1), summed over the numbers of an item.
    """
    return -0.5 * ((x - mean).square() + log(2 * pi)).sum(-1)


DECODERS: dict[int, type[Decoder]] = {3: ImageDecoder, 1: VectorDecoder}  # by the number of axes of an input


def make_decoder(code: int, shape: tuple[int, ...], width: int) -> Decoder:
    """The decoder for inputs of this shape."""
    decoder: Decoder = DECODERS[len(shape)](code, shape, width)
    return decoder


def divergence(mean: Tensor, log_var: Tensor) -> Tensor:
    """Measures how far a Gaussian is from the standard one.

    KL(N(mean, var) ‖ N(0, 1)), summed over L: [n, L] each -> [n].
    """
    return 0.5 * (mean.square() + torch.exp(log_var) - 1 - log_var).sum(-1)
