"""A box of a picture painted over.

Legend: n images, C channels, H height, W width.
"""

import torch
from torch import Tensor

NUMBERS = 4  # that an image takes: the middle of its box down and across, its height and its width


def erase(x: Tensor, numbers: Tensor, sides: tuple[float, float], fill: Tensor | float) -> Tensor:
    """Paints a random box of each image over.

    The box's middle is anywhere in the image and its sides, as shares of the image's, are uniform in `sides`;
    what of it lies outside is cut off.

    Source: Zhong et al. 2020 (random erasing); with one side alone DeVries & Taylor 2017 (Cutout).

    Args:
        x: [n, C, H, W].
        numbers: [n, 4] in 0..1.
        sides: the least and the largest, 0..1.
        fill: a number, or [n, C, 1, 1].
    """
    least, largest = sides
    half = (least + (largest - least) * numbers[:, 2:]) / 2
    inside = [
        (_middles(size, x) - numbers[:, axis, None]).abs() < half[:, axis, None]
        for axis, size in enumerate(x.shape[-2:])
    ]
    box = (inside[0].unsqueeze(-1) & inside[1].unsqueeze(-2)).unsqueeze(1)
    return torch.where(box, fill, x)


def _middles(size: int, like: Tensor) -> Tensor:
    """[size] middles of pixels, as shares of the side."""
    return (torch.arange(size, device=like.device, dtype=like.dtype) + 0.5) / size
