"""Building and drawing from a pool of up to 10^6 images in 10^4 classes: python -m benchmarks.large_pool.

Images on disk, memory-mapped; each size in a process of its own. The largest, 84×84×3, is a store of 21 GB,
which is written in full. Memory is the process's peak above what it held before the sampler was built, with
the pages of the file that it has looked at. Episodes are 5-way 1-shot, 15 queries and 5 unlabelled images a
class.
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

SMALL, LARGE = (28, 28, 1), (84, 84, 3)
SIZES = (
    (10_000, 100, False, SMALL), (100_000, 1_000, False, SMALL), (1_000_000, 10_000, False, SMALL),
    (1_000_000, 10_000, True, SMALL), (1_000_000, 10_000, False, LARGE),
)  # fmt: skip
BLOCK = 1000  # images that are written at once
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


def measured(images: int, classes: int, uneven: bool, image: tuple[int, int, int]) -> dict[str, Any]:
    """One size; `uneven`: classes of half to one and a half times the mean."""
    with tempfile.TemporaryDirectory() as folder:
        items = stored(Path(folder) / "items.npy", (images, *image))
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
            "images": images, "gb": items.nbytes / 1e9, "classes": classes,
            "sizes": "uneven" if uneven else "equal",
            "build_seconds": built, "episodes_a_second": EPISODES / median(seconds),
            "memory_mb": peak_mb() - before,
        }  # fmt: skip


def stored(file: Path, shape: tuple[int, ...]) -> "np.memmap[Any, Any]":
    """A file of images, opened to be read; written block by block, to stay out of the process's peak."""
    block = np.random.default_rng(0).integers(0, 256, (BLOCK, *shape[1:]), np.uint8)
    with file.open("wb") as written:
        header = {"descr": block.dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(written, header)
        for _ in range(0, shape[0], BLOCK):
            written.write(block.tobytes())
    return np.lib.format.open_memmap(file, "r")


def drawing(sampler: EpisodeSampler, number: int) -> float:
    """Seconds of one meta-batch of draws."""
    began = time.perf_counter()
    sampler(range(number * EPISODES, (number + 1) * EPISODES))
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
