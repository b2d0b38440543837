"""What the methods that mix images share: sharper probabilities, λ ~ Beta(α, α), random partners.

Legend: n items, N way, R random numbers an image.
"""

from math import pi

import torch
from torch import Tensor

from metassl.outcomes.classification import mask_classes

BETA_DRAWS = 4  # random numbers that one λ takes
GOLDEN = 0.6180339887498949


def sharpen(p: Tensor, temperature: float | Tensor, class_mask: Tensor) -> Tensor:
    """Makes soft labels surer.

    p_c^{1/T} / Σ_b p_b^{1/T}: rows p [n, N] -> [n, N]; exactly 0 for a class that the task lacks.

    Source: Berthelot et al. 2019, eq. 7 (T -> 0 is the argmax, T = 1 changes nothing).
    """
    return mask_classes(p.clamp(min=1e-12).log() / temperature, class_mask).softmax(-1)


def symmetric_beta(uniform: Tensor, alpha: float) -> Tensor:
    """Turns uniform random numbers into the shares by which pairs are mixed.

    λ ~ Beta(α, α), α > 0, exactly: uniform [..., 4] in (0, 1) -> [...] in 0..1.

    B = (1 + sqrt(1 - u₁^{2/(2α+1)}) cos 2πu₂) / 2 is Beta(α+1, α+1) (Ulrich 1984; Devroye 1986, section
    IX.4.3). And a Gamma(α) number is a Gamma(α+1) number times u^{1/α} (Devroye 1986, section IX.3.5), so
    λ = σ(logit B + (ln u₃ - ln u₄)/α). No rejection: every λ takes four numbers, whatever α.
    """
    u1, u2, u3, u4 = uniform.unbind(-1)
    centred = torch.sqrt(1 - u1 ** (2 / (2 * alpha + 1))) * torch.cos(2 * pi * u2)
    logit = 2 * torch.atanh(centred.clamp(-1 + 1e-7, 1 - 1e-7))
    return torch.sigmoid(logit + (u3.log() - u4.log()) / alpha)


def random_partners(uniform: Tensor, weight: Tensor) -> Tensor:
    """A random permutation of the items with weight: uniform [n], weight [n] -> [n] indices.

    Items without weight are nobody's partner (unless there are no others); their own entry means nothing.
    """
    present = weight > 0
    order = (uniform + (~present).to(uniform.dtype)).argsort()  # those with weight first
    place = present.long().cumsum(0) - 1
    return order[place.clamp(min=0)]


def mix(x: Tensor, partner: Tensor, share: Tensor) -> Tensor:
    """Mixes each item with its partner.

    λ_i x_i + (1 - λ_i) x_{partner(i)}: x [n, ...], partner [n], share λ [n] -> [n, ...].

    Source: Zhang et al. 2018, eq. 1 (mixup).
    """
    share = share.view(-1, *(1 for _ in x.shape[1:]))
    return share * x + (1 - share) * x[partner]


def for_support(uniform: Tensor, count: int) -> Tensor:
    """Numbers for `count` support images, from numbers [U, R] that no image of U uses: -> [count, R].

    Support images beyond the U-th take those of another one, shifted around the circle by multiples of the
    golden ratio: uniform as well, but not independent.
    """
    rows = torch.arange(count, device=uniform.device)
    turns = (rows // len(uniform)).to(uniform.dtype).unsqueeze(-1)
    shifted = (uniform[rows % len(uniform)] + GOLDEN * turns) % 1
    return shifted.clamp(2**-24, 1 - 2**-24)
