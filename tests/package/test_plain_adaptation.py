"""The closed forms that the benchmark of domains compares with."""

from functools import partial

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from benchmarks.office_caltech import DOMAINS, best
from benchmarks.plain_adaptation import (
    Adapted,
    Floats,
    Labels,
    by,
    coral,
    nearest,
    subspace_alignment,
    transfer_components,
)
from benchmarks.skada_adaptation import by_skada, correlations, subspaces

RNG = np.random.default_rng(0)
S, T = RNG.normal(size=(60, 5)) * (1, 2, 3, 4, 5), RNG.normal(size=(50, 5)) @ RNG.normal(size=(5, 5))
Y = RNG.integers(3, size=60)


class Seen:
    """A classifier that keeps what it is given."""

    def __call__(self, s: Floats, y: Labels, t: Floats) -> Labels:
        self.s, self.t = s, t
        return np.zeros(len(t), np.int64)


def test_coral_gives_the_source_the_targets_covariance() -> None:
    seen = Seen()
    coral(1e-9, seen)(S, Y, T)
    np.testing.assert_allclose(np.cov(seen.s, rowvar=False), np.cov(T, rowvar=False), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(seen.s.mean(0), T.mean(0))
    np.testing.assert_array_equal(seen.t, T)


def test_subspaces_are_aligned_by_the_published_product() -> None:
    seen = Seen()
    subspace_alignment(2, seen)(S, Y, T)
    of_s, of_t = (np.linalg.eigh(np.cov(x, rowvar=False))[1][:, ::-1][:, :2] for x in (S, T))
    expected = (S - S.mean(0)) @ of_s @ of_s.T @ of_t
    np.testing.assert_allclose(np.abs(seen.s), np.abs(expected), atol=1e-8)  # an axis has no sign


def test_aligned_with_itself_a_domain_keeps_its_neighbours() -> None:
    near = KNeighborsClassifier(1).fit(S, Y)

    def nearest(s: Floats, y: Labels, t: Floats) -> Labels:
        return np.asarray(KNeighborsClassifier(1).fit(s, y).predict(t))

    np.testing.assert_array_equal(subspace_alignment(5, nearest)(S, Y, S), near.predict(S))


def test_transfer_components_bring_the_means_together() -> None:
    seen, shifted = Seen(), RNG.normal((3, 0, 0, 0, 0), size=(60, 5))
    base = RNG.normal(size=(60, 5))
    transfer_components(3, seen, ridge=1e-6)(base, Y, shifted)
    apart = np.abs(seen.s.mean(0) - seen.t.mean(0)) / seen.s.std(0)
    assert apart.max() < 0.05  # without: 3 deviations in one direction


def families(n: int, turn: Floats) -> tuple[Floats, Labels]:
    """Three clusters in twelve dimensions, turned and stretched."""
    y = RNG.integers(3, size=n)
    return (3 * np.eye(3, 12)[y] + RNG.normal(size=(n, 12))) @ turn + turn[0], y


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (
            subspace_alignment(5, by(nearest)),
            by_skada(partial(subspaces, 5), nearest),
        ),
        (coral(1e-8, by(nearest)), by_skada(partial(correlations, 1e-9), nearest)),
    ],
    ids=["subspace alignment", "CORAL"],
)
def test_the_labels_are_those_of_skada(ours: Adapted, theirs: Adapted) -> None:
    """Nearly all: axes of nearly equal variance may be taken in another order."""
    s, y = families(120, np.eye(12))
    t, _ = families(150, np.eye(12) + RNG.normal(size=(12, 12)) / 3)
    assert (ours(s, y, t) == theirs(s, y, t)).mean() > 0.98


def test_a_choice_looks_at_no_pair_of_its_target() -> None:
    pairs = [a + b for a in DOMAINS for b in DOMAINS if a != b]
    good_on_target = {pair: float(pair[1] == "W") for pair in pairs}
    good_elsewhere = {pair: 0.1 * float("W" not in pair) for pair in pairs}
    assert best({"one": good_on_target, "other": good_elsewhere}, "W") == "other"
