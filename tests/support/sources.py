"""What a source of data may give."""

import numpy as np

from metassl.data.pool import Contents


def contents() -> Contents:
    """Three classes of 2, 1 and 3 images."""
    items = np.arange(6 * 4, dtype=np.uint8).reshape(6, 2, 2, 1)
    splits = {"train": [0, 2], "val": [], "test": [1]}
    return Contents(items, np.array([2, 1, 3]), ["a", "b", "c"], splits, {"note": "tiny"})
