"""Which pictures come first."""

import numpy as np

from metassl.serving.usefulness import most_useful


def test_the_least_certain_comes_first_and_its_likes_do_not_follow() -> None:
    """Five copies of the least certain picture, and one that is further away and nearly as uncertain."""
    p = np.array([[0.51, 0.49, 0.0]] * 5 + [[0.4, 0.3, 0.3]] + [[0.9, 0.05, 0.05]] * 4, np.float32)
    features = np.array([[0.0]] * 5 + [[3.0]] + [[9.0]] * 4, np.float32)
    assert most_useful(p, features, 2).tolist() == [0, 5]


def test_no_picture_comes_twice() -> None:
    rng = np.random.default_rng(0)
    p, features = rng.dirichlet(np.ones(3), 40).astype(np.float32), np.zeros((40, 2), np.float32)
    found = most_useful(p, features, 24)
    assert len(set(found.tolist())) == len(found) == 24
    assert (
        most_useful(p[:3], features[:3], 24).tolist()
        == sorted(range(3), key=lambda k: np.diff(np.sort(p[k])[-2:])[0])
        or len(set(most_useful(p[:3], features[:3], 24).tolist())) == 3
    )
    assert len(most_useful(p[:0], features[:0], 24)) == 0
