"""Time of an episode from memory: python -m benchmarks.episodes.

5-way 1-shot, 15 queries and 5 unlabelled images a class, 5 distractor classes with 5 images each, drawn
and gathered into float meta-batches of 32, from an array of the size of Omniglot with rotations.
"""

import statistics
import time

import numpy as np

from metassl.data.builder import EpisodeBuilder
from metassl.data.pool import Contents, split_pool
from metassl.data.sampler import EpisodeSampler
from metassl.data.spec import episode_spec

CLASSES, IMAGES, TASKS, BATCHES = 4112, 30, 32, 50


def main() -> None:
    """Prints the median, least and most milliseconds an episode, for the draw and with the gather."""
    rng = np.random.default_rng(0)
    items = rng.integers(0, 256, (CLASSES * IMAGES, 28, 28, 1), dtype=np.uint8)
    counts, names = np.full(CLASSES, IMAGES), [str(k) for k in range(CLASSES)]
    pool = split_pool(Contents(items, counts, names, {"train": range(CLASSES)}, {}), "train")
    spec = episode_spec(
        way=5, shot=1, queries=15, unlabelled=5, distractors=5, distractor_unlabelled=5, imbalance=1.0,
        class_aware=True, transductive=False, label_ratio=1.0, label_seed=0,
    )  # fmt: skip
    sampler = EpisodeSampler(pool, spec, 0, "train")
    builder = EpisodeBuilder(sampler, {"plain": None})
    for name, make in (("draw", sampler), ("draw and gather", builder)):
        times = []
        for b in range(BATCHES + 1):
            began = time.perf_counter()
            make(range(b * TASKS, (b + 1) * TASKS))
            times.append((time.perf_counter() - began) * 1000 / TASKS)
        times = times[1:]  # the first one warms up
        print(f"{name}: {statistics.median(times):.3f} ms an episode ({min(times):.3f} to {max(times):.3f})")


if __name__ == "__main__":
    main()
