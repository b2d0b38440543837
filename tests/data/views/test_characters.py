"""The strong view of a drawn character: bent, and partly erased."""

import numpy as np
import torch
from torch import Tensor

from metassl.data.views import AffineJitter, BentCharacter
from metassl.data.views.erasing import erase


def applied(view: AffineJitter, x: Tensor, seed: int = 0) -> Tensor:
    numbers = view.draw(np.random.default_rng(seed), len(x), tuple(x.shape[1:]))
    return view.apply(x, torch.from_numpy(numbers))


def test_without_ranges_it_is_the_identity() -> None:
    x = torch.rand(5, 1, 28, 28)
    still = BentCharacter(0, 0, 0, bend=0, erase=(0, 0))
    torch.testing.assert_close(applied(still, x), x, rtol=0, atol=1e-5)


def test_mechanism_a_line_is_bent_and_an_affine_one_stays_straight() -> None:
    """Largest distance, in pixels, of a line's points from the straight line through them."""
    x = torch.zeros(40, 1, 28, 28)
    x[:, :, :, 13:15] = 1

    def bend(y: Tensor) -> float:
        rows = y[:, 0, 6:22]  # the middle, which stays within the picture
        middle = ((rows * torch.arange(28.0)).sum(-1) / rows.sum(-1).clamp(min=1e-6)).numpy()
        t = np.arange(middle.shape[1])
        fits = [np.polyval(np.polyfit(t, m, 1), t) for m in middle]
        return float(np.mean([np.abs(m - f).max() for m, f in zip(middle, fits, strict=True)]))

    straight = bend(applied(BentCharacter(15, 0.0, 0.2, bend=0.0, erase=(0, 0)), x))
    assert bend(applied(BentCharacter(15, 0.0, 0.2, bend=0.04, erase=(0, 0)), x)) > 4 * straight + 0.2


def test_a_box_is_erased() -> None:
    x = torch.ones(300, 1, 20, 30)
    numbers = torch.rand(300, 4, generator=torch.Generator().manual_seed(0))
    numbers[0] = torch.tensor([0.5, 0.5, 1.0, 1.0])
    y = erase(x, numbers, (0.1, 0.4), 0.0)
    assert y[0, 0, 6:14, 9:21].sum() == 0  # sides of 0.4 around the middle
    assert y[0].sum() == 600 - 8 * 12
    assert set(y.unique().tolist()) == {0.0, 1.0}
    gone = 1 - y.mean((1, 2, 3))
    assert float(gone.max()) < 0.17
    assert 0.03 < float(gone.mean()) < 0.0625


def test_values_stay_in_range_and_one_image_knows_no_other() -> None:
    view, x = BentCharacter(15, 0.1, 0.2, bend=0.04), torch.rand(6, 1, 28, 28)
    numbers = torch.from_numpy(view.draw(np.random.default_rng(1), 6, (1, 28, 28)))
    y = view.apply(x, numbers)
    assert 0 <= float(y.min()) <= float(y.max()) <= 1
    torch.testing.assert_close(view.apply(x[2:3], numbers[2:3]), y[2:3], rtol=0, atol=1e-6)
