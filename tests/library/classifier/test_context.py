"""Which rows are read where there are more than a model reads."""

import numpy as np
import pytest

from metassl.library.classifier.context import read_rows

CODES = np.repeat([0, 1, 2, -1], [60, 20, 3, 40])


def kept(most: int, seed: int = 0) -> np.ndarray:
    return read_rows(CODES, most, np.random.RandomState(seed))


def test_unlabelled_rows_go_first() -> None:
    assert np.array_equal(kept(200), np.arange(123))
    assert np.array_equal(kept(100)[:83], np.arange(83))
    assert len(set(kept(100).tolist())) == 100
    assert np.array_equal(kept(83), np.arange(83))


@pytest.mark.parametrize("most", [3, 4, 10, 41, 82])
def test_then_labelled_ones_by_their_shares(most: int) -> None:
    counts = np.bincount(CODES[kept(most)], minlength=3)
    assert counts.sum() == most
    assert (counts >= 1).all()
    assert (np.abs(counts - 1 - (np.array([60, 20, 3]) - 1) * (most - 3) / 80) < 1).all()


def test_they_are_chosen_by_the_seed() -> None:
    assert np.array_equal(kept(30), kept(30))
    assert not np.array_equal(kept(30), kept(30, seed=1))
    assert (np.diff(kept(30)) > 0).all()
