"""RandAugment's operations against torchvision's, and what the whole view does to an image."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from metassl.data.views import FlipShift, RandAugment
from metassl.data.views.operations import COLOURS, MOVES, moved
from metassl.data.views.photographs import operate


def photographs(n: int = 4) -> Tensor:
    """Smooth colours, with values of 8 bits as a prepared image has them."""
    coarse = torch.rand(n, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    fine = torch.nn.functional.interpolate(coarse, (24, 24), mode="bilinear")
    return (255 * fine).round() / 255


THEIRS = {
    "brightness": lambda x, a: F.adjust_brightness(x, 0.05 + 0.9 * a),
    "colour": lambda x, a: F.adjust_saturation(x, 0.05 + 0.9 * a),
    "contrast": lambda x, a: F.adjust_contrast(x, 0.05 + 0.9 * a),
    "sharpness": lambda x, a: F.adjust_sharpness(x, 0.05 + 0.9 * a),
    "posterize": lambda x, a: F.posterize((255 * x).round().byte(), min(8, 4 + int(5 * a))).float() / 255,
    "solarize": F.solarize,
    "auto_contrast": lambda x, a: F.autocontrast(x),
    "equalize": lambda x, a: F.equalize(x),
}


@pytest.mark.parametrize("name", COLOURS)
def test_operations_are_torchvisions(name: str) -> None:
    """Each image by its own amount. torchvision's grey has 0.2989 where ITU-R 601 has 0.299."""
    x, amounts = photographs(), torch.tensor([0.0, 0.3, 0.62, 0.99])
    found = COLOURS[name](x, amounts.view(-1, 1, 1, 1))
    expected = torch.stack([THEIRS[name](image, float(a)) for image, a in zip(x, amounts, strict=True)])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-3)
    if name not in ("auto_contrast", "equalize"):
        assert (found[0] - x[0]).abs().max() > 0.02


@pytest.mark.parametrize(("move", "amount", "options"), [
    ("rotate", 1.0, {"angle": -30.0}), ("shift_across", 0.0, {"translate": [0.3 * 24, 0]}),
    ("shift_down", 1.0, {"translate": [0, -0.3 * 24]}),
    ("shear_across", 1.0, {"shear": [math.degrees(math.atan(0.3)), 0]}),
])  # fmt: skip
def test_movements_are_torchvisions(move: str, amount: float, options: dict) -> None:
    x = photographs()
    found = moved(x, torch.full((4,), MOVES.index(move)), torch.full((4,), amount))
    arguments = {"angle": 0.0, "translate": [0, 0], "scale": 1.0, "shear": [0.0, 0.0], **options}
    arguments["translate"] = [round(t) for t in arguments["translate"]]
    theirs = F.affine(x - 0.5, **arguments, interpolation=F.InterpolationMode.BILINEAR) + 0.5
    inner = (..., slice(8, 16), slice(8, 16))
    torch.testing.assert_close(found[inner], theirs[inner], rtol=0, atol=0.05)  # they shift by whole pixels
    assert (found - x).abs().max() > 0.1
    half = torch.full((4,), 0.5)
    torch.testing.assert_close(moved(x, torch.full((4,), MOVES.index(move)), half), x, rtol=0, atol=1e-4)


def test_every_operation_is_as_likely() -> None:
    x = photographs(1)
    which = torch.linspace(0, 1, 14 * 50 + 1)[:-1] + 1e-4
    y = operate(x.expand(len(which), -1, -1, -1), which, torch.full((len(which),), 0.9))
    same = (y == x).flatten(1).all(1)
    assert same[:50].all()  # the first of 14 does nothing
    assert len({round(float(v), 4) for v in y.flatten(1).std(1)}) >= 12


def test_the_weak_view_is_mirrored_half_of_the_time_and_shifted_a_little() -> None:
    x = photographs()
    still = torch.tensor([[1.0, 0, 0], [-1, 0, 0], [1, 1, 0], [1, 0, -1]])
    y = FlipShift(0.125).apply(x, still)
    torch.testing.assert_close(y[0], x[0], rtol=0, atol=1e-5)
    torch.testing.assert_close(y[1], x[1].flip(-1), rtol=0, atol=1e-5)
    torch.testing.assert_close(y[2][..., :21], x[2][..., 3:], rtol=0, atol=1e-5)
    torch.testing.assert_close(y[3][:, 3:], x[3][:, :21], rtol=0, atol=1e-5)
    torch.testing.assert_close(y[2][..., 21:], x[2][..., 21:].flip(-1), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-3.0, 7.0)])
def test_values_stay_in_range_and_one_image_knows_no_other(low: float, high: float) -> None:
    view, x = RandAugment(), low + (high - low) * photographs(60)
    numbers = torch.from_numpy(view.draw(np.random.default_rng(1), len(x), (3, 24, 24)))
    y = view.apply(x, numbers)
    assert low - 1e-4 <= float(y.min()) <= float(y.max()) <= high + 1e-4
    torch.testing.assert_close(view.apply(x[7:9], numbers[7:9]), y[7:9], rtol=0, atol=1e-5)


def test_mechanism_the_strong_view_is_farther_from_the_image_than_the_weak_one() -> None:
    """And differs in kind: a colour operation changes the mean colour, which no movement does."""
    x = photographs(200)

    def away(view: FlipShift | RandAugment) -> float:
        y = view.apply(x, torch.from_numpy(view.draw(np.random.default_rng(0), len(x), (3, 24, 24))))
        return float((y.mean((-2, -1)) - x.mean((-2, -1))).abs().mean())

    assert away(RandAugment()) > 3 * away(FlipShift())
