"""What RandAugment does to photographs, each image by its own amount: movements, and changes of the colours.

Legend: n images of values in 0..1, C channels, H height, W width.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

Change = Callable[[Tensor, Tensor], Tensor]
"""(images [n, C, H, W], amounts [n, 1, 1, 1] in 0..1) -> images."""

MOVES = ("rotate", "shear_across", "shear_down", "shift_across", "shift_down")
MOST = (math.radians(30), 0.3, 0.3, 0.6, 0.6)  # at either end; a side of the grid is 2, so 0.6 is 0.3 of it


def moved(x: Tensor, which: Tensor, amount: Tensor) -> Tensor:
    """Turns, shears or shifts each image; all in one look-up, bilinear, with grey outside.

    Args:
        x: [n, C, H, W].
        which: [n] places in MOVES; any other number: as it is.
        amount: [n] in 0..1; 0.5 is as it is.
    """
    rows = ((which >= 0) & (which < len(MOVES))).nonzero().squeeze(1)
    if not len(rows):
        return x
    part = x[rows]
    by = (2 * amount[rows] - 1).unsqueeze(1) * torch.tensor(MOST, device=x.device, dtype=x.dtype)
    turn, *rest = (by * (which[rows].unsqueeze(1) == torch.arange(len(MOVES), device=x.device))).unbind(1)
    aspect = x.shape[-2] / x.shape[-1]
    first = (turn.cos(), rest[0] * aspect - turn.sin() * aspect, rest[2])
    second = (rest[1] / aspect + turn.sin() / aspect, turn.cos(), rest[3])
    matrix = torch.stack((*first, *second), dim=1).view(-1, 2, 3)
    grid = F.affine_grid(matrix, list(part.shape), align_corners=False)
    return x.index_copy(0, rows, F.grid_sample(part - 0.5, grid, align_corners=False) + 0.5)


def _blend(x: Tensor, other: Tensor, amount: Tensor) -> Tensor:
    """Between another image and x itself: a factor of 0.05 to 0.95."""
    factor = 0.05 + 0.9 * amount
    return factor * x + (1 - factor) * other


def _grey(x: Tensor) -> Tensor:
    """[n, 1, H, W] the brightness of each pixel (ITU-R 601); the mean where there are not three channels."""
    if x.shape[1] != 3:
        return x.mean(1, keepdim=True)
    return (x * torch.tensor((0.299, 0.587, 0.114), device=x.device, dtype=x.dtype).view(3, 1, 1)).sum(
        1, True
    )


def brightness(x: Tensor, amount: Tensor) -> Tensor:
    """Towards black."""
    return _blend(x, torch.zeros_like(x), amount)


def colour(x: Tensor, amount: Tensor) -> Tensor:
    """Towards grey."""
    return _blend(x, _grey(x), amount)


def contrast(x: Tensor, amount: Tensor) -> Tensor:
    """Towards one grey, the image's mean brightness."""
    return _blend(x, _grey(x).mean((-3, -2, -1), keepdim=True), amount)


def sharpness(x: Tensor, amount: Tensor) -> Tensor:
    """Towards a blurred image; the outermost pixels stay."""
    kernel = torch.ones(3, 3, device=x.device, dtype=x.dtype)
    kernel[1, 1] = 5
    blurred = F.conv2d(x.flatten(0, 1).unsqueeze(1), (kernel / 13).view(1, 1, 3, 3)).view(
        *x.shape[:2], *_inner(x)
    )
    return _blend(x, torch.cat((x[..., :1, :], _framed(blurred, x), x[..., -1:, :]), dim=-2), amount)


def _inner(x: Tensor) -> tuple[int, int]:
    return x.shape[-2] - 2, x.shape[-1] - 2


def _framed(inner: Tensor, x: Tensor) -> Tensor:
    """The inner pixels with the left and right edges of x."""
    return torch.cat((x[..., 1:-1, :1], inner, x[..., 1:-1, -1:]), dim=-1)


def posterize(x: Tensor, amount: Tensor) -> Tensor:
    """Keeps the first 4 to 8 of 8 bits."""
    step = 2.0 ** (8 - (4 + (amount * 5).floor().clamp(max=4)))
    return ((255 * x).round() / step).floor() * step / 255


def solarize(x: Tensor, amount: Tensor) -> Tensor:
    """Turns what is brighter than the amount into its negative."""
    return torch.where(x >= amount, 1 - x, x)


def auto_contrast(x: Tensor, amount: Tensor) -> Tensor:
    """Spreads each channel over 0..1."""
    low, high = x.amin((-2, -1), keepdim=True), x.amax((-2, -1), keepdim=True)
    flat = high <= low
    return torch.where(flat, x, (x - low) / torch.where(flat, 1, high - low))


def equalize(x: Tensor, amount: Tensor) -> Tensor:
    """Gives each channel an even histogram."""
    from torchvision.transforms.v2.functional import equalize_image  # here: torchvision takes long to import

    even: Tensor = equalize_image(x)
    return even


COLOURS: dict[str, Change] = {
    "brightness": brightness,
    "colour": colour,
    "contrast": contrast,
    "sharpness": sharpness,
    "posterize": posterize,
    "solarize": solarize,
    "auto_contrast": auto_contrast,
    "equalize": equalize,
}
