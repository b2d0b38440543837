"""Which picture a person is best asked about next.

Legend: n pictures, C classes, D features.
"""

import numpy as np
from numpy.typing import NDArray

WIDER = 3  # times as many of the least certain are looked at as are asked about


def most_useful(
    probabilities: NDArray[np.float32], features: NDArray[np.float32], count: int
) -> NDArray[np.int64]:
    """Places of pictures whose labels would tell most: the least certain ones that are unlike each other.

    Of the 3·count pictures with the smallest margin between first and second class, the first is the least
    certain, and each next one the furthest, by features, from those that are chosen (Sener & Savarese 2018,
    algorithm 1, k-Center-Greedy). So the first few are never one picture many times.

    Args:
        probabilities: [n, C]; features: [n, D].
        count: how many places are given, at most.
    """
    two = np.sort(probabilities, axis=1)[:, -2:]
    near = np.argsort(two[:, 1] - two[:, 0], kind="stable")[: WIDER * count]
    chosen = [int(near[0])] if len(near) else []
    distance = np.full(len(near), np.inf)
    while 0 < len(chosen) < min(count, len(near)):
        distance = np.minimum(distance, np.linalg.norm(features[near] - features[chosen[-1]], axis=1))
        distance[np.isin(near, chosen)] = -1
        chosen.append(int(near[distance.argmax()]))
    return np.array(chosen, dtype=np.int64)
