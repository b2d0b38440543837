"""Building and drawing from a pool of up to 10^6 images in 10^4 classes: python -m benchmarks.large_pool.

28×28 images on disk, memory-mapped; each size in a process of its own. Memory is its peak above what
it held before the sampler was built. Episodes are 5-way 1-shot, 15 queries and 5 unlabelled images a class.
"""

import tempfile
import time
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.timing import peak_mb, save
from metassl.data.pool import Contents, split_pool
from metassl.data.sampler import EpisodeSampler
from metassl.data.spec import episode_spec

SIZES = ((10_000, 100, False), (100_000, 1_000, False), (1_000_000, 10_000, False), (1_000_000, 10_000, True))
EPISODES, ROUNDS = 32, 15
MAKE_UP: dict[str, Any] = {
    "way": 5, "shot": 1, "queries": 15, "unlabelled": 5, "distractors": 0, "distractor_unlabelled": 0,
    "imbalance": 1.0, "dirichlet": None, "class_aware": True, "transductive": False, "label_ratio": 1.0,
    "label_seed": 0,
}  # fmt: skip


def main() -> None:
    """Prints and stores a row for each size."""
    rows = []
    for size in SIZES:
        with get_context("spawn").Pool(1) as pool:
            rows.append(pool.apply(measured, size))
        print(rows[-1], flush=True)
    save("large_pool", rows, "python -m benchmarks.large_pool")


def measured(images: int, classes: int, uneven: bool) -> dict[str, Any]:
    """One size; `uneven`: classes of half to one and a half times the mean."""
    with tempfile.TemporaryDirectory() as folder:
        shape = (images, 28, 28, 1)
        items = np.lib.format.open_memmap(Path(folder) / "items.npy", "w+", np.uint8, shape)
        counts = np.full(classes, images // classes)
        if uneven:
            moved = np.arange(classes // 2) % (images // classes // 2)
            counts += np.concatenate([moved, -moved[::-1]])
        contents = Contents(items, counts, [str(k) for k in range(classes)], {"train": range(classes)}, {})
        before, began = peak_mb(), time.perf_counter()
        pool = split_pool(contents, "train")
        sampler = EpisodeSampler(pool, episode_spec(**MAKE_UP), 0, "train")
        built = time.perf_counter() - began
        seconds = [drawing(sampler, k) for k in range(ROUNDS)]
        return {
            "images": images, "classes": classes, "sizes": "uneven" if uneven else "equal",
            "build_seconds": built, "episodes_a_second": EPISODES / median(seconds),
            "memory_mb": peak_mb() - before,
        }  # fmt: skip


def drawing(sampler: EpisodeSampler, number: int) -> float:
    """Seconds of one meta-batch of draws."""
    began = time.perf_counter()
    sampler(range(number * EPISODES, (number + 1) * EPISODES))
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
