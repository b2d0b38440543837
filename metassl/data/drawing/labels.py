"""Which images of a class have labels."""

import numpy as np


def labelled_images(counts: np.ndarray, ratio: float, seed: int) -> np.ndarray:
    """The split into labelled and unlabelled images, by image within each class.

    Args:
        counts: [C] images of each class.
        ratio: share of each class that has labels, rounded to whole images (0.1 of 20 is 2).
        seed: of the split. The split depends on nothing else.

    Returns:
        [C, I] bool, True where the image has a label; False beyond a class's last image.
    """
    widest = int(counts.max(initial=0))
    keys = np.random.default_rng(seed).random((len(counts), widest))
    exists = np.arange(widest) < counts[:, None]
    rank = np.argsort(np.argsort(np.where(exists, keys, np.inf), axis=1), axis=1)
    return (rank < np.rint(ratio * counts)[:, None]) & exists
