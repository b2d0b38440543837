"""Class sizes of U by chance: their distribution, what a class has, and that only U changes."""

import numpy as np
import pytest

from metassl.data.drawing.dirichlet import shared
from metassl.data.drawing.draw import Draw
from metassl.data.pool import Pool
from metassl.data.sampler import EpisodeSampler
from tests.data.test_sampler import pool, spec

M, WAY = 6, 4


def sizes(draw: Draw) -> np.ndarray:
    """[T, N] images of each class in U."""
    y = np.where(draw.unlabelled_weight, draw.unlabelled_y, -1)
    return (y[:, :, None] == np.arange(draw.class_mask.shape[1])).sum(1)


def drawn(concentration: float | None, count: int = 2000, p: Pool | None = None, **changes: object) -> Draw:
    options = {"way": WAY, "distractors": 0, "unlabelled": M, "dirichlet": concentration} | changes
    return EpisodeSampler(pool([60] * 20) if p is None else p, spec(**options), 0, "train")(range(count))


@pytest.mark.parametrize("concentration", [0.5, 2.0, 20.0])
def test_sizes_have_the_mean_and_the_variance_of_a_dirichlet_distribution(concentration: float) -> None:
    found = sizes(drawn(concentration)) / (M * WAY)
    np.testing.assert_allclose(found.sum(1), 1)
    np.testing.assert_allclose(found.mean(0), 1 / WAY, atol=0.02)  # no place is favoured
    expected = (1 / WAY) * (1 - 1 / WAY) / (WAY * concentration + 1)
    rounding = 1 / 12 / (M * WAY) ** 2
    np.testing.assert_allclose(found.var(), expected + rounding, rtol=0.08)


def test_a_large_concentration_is_balanced_and_a_small_one_is_one_class() -> None:
    assert (sizes(drawn(1e6, 50)) == M).all()
    assert (sizes(drawn(0.01, 300)).max(1) > 0.9 * M * WAY).mean() > 0.85


def test_what_a_class_lacks_the_others_give() -> None:
    """18 images, of which 5 are in S and Q: no class gives more than 13, and U has its 24 all the same."""
    found = sizes(drawn(0.05, 300, pool([18] * 20)))
    assert found.max() == 13
    assert (found.sum(1) == M * WAY).all()


@pytest.mark.parametrize("changes", [{}, {"way": [2, WAY]}, {"distractors": 2}], ids=str)
def test_only_u_changes(changes: dict) -> None:
    one, other = (drawn(a, 20, **changes) for a in (None, 0.5))
    for name in ("support", "query", "query_y", "query_weight", "class_ids", "class_mask"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.unlabelled.shape == other.unlabelled.shape
    np.testing.assert_array_equal(one.unlabelled_weight.sum(1), other.unlabelled_weight.sum(1))
    np.testing.assert_array_equal(one.distractor.sum(1), other.distractor.sum(1))
    assert (sizes(one) != sizes(other)).any()
    for a, b in zip(one.generators, other.generators, strict=True):
        assert a.random() == b.random()  # the views' numbers, too


def test_the_second_set_has_the_sizes_of_the_first() -> None:
    p = pool([60] * 20)
    draw = EpisodeSampler(p, spec(way=WAY, distractors=0, dirichlet=0.5), 0, "train", outer=True)(range(30))
    for k in range(30):
        np.testing.assert_array_equal(np.sort(draw.unlabelled_y[k]), np.sort(draw.outer_y[k]))


def test_sharing_out_keeps_the_total_and_the_limits() -> None:
    rng = np.random.default_rng(0)
    parts = rng.gamma(0.3, size=(500, 5)) * (rng.random((500, 5)) < 0.8)
    most = rng.integers(1, 12, (500, 5))
    total = np.minimum(10, np.where(parts > 0, most, 0).sum(1))
    found = shared(parts, total, most)
    np.testing.assert_array_equal(found.sum(1), total)
    assert (found <= most).all()
    assert (found[parts == 0] == 0).all()
    np.testing.assert_array_equal(
        shared(np.array([[1.0, 2, 7]]), np.array([11]), np.array([[99, 99, 99]])), [[1, 2, 8]]
    )
