"""The view that fits the form of the inputs."""

import numpy as np
import pytest
import torch

from metassl.data.views import ByKind, Jitter


@pytest.mark.parametrize(("shape", "noise"), [((7,), 1.0), ((1, 4, 4), 2.0), ((3, 4, 4), 3.0)])
def test_the_form_of_the_inputs_picks_the_view(shape: tuple[int, ...], noise: float) -> None:
    view, alone = ByKind(Jitter(1.0), Jitter(2.0), Jitter(3.0)), Jitter(noise)
    x = torch.zeros(5, *shape)
    numbers = torch.from_numpy(view.draw(np.random.default_rng(0), 5, shape))
    assert torch.equal(view.apply(x, numbers), alone.apply(x, numbers))
