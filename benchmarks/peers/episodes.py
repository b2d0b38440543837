"""Episodes of 5-way 1-shot with 15 queries a class: easyfsl from arrays, from PNG files, and ours.

All with one thread for torch: on more, each of their many small operations waits for all threads, which on
cores that others use made easyfsl ten times slower. Ours comes through the stream that training reads, whose
own thread makes the next meta-batch while the last is in use. Here nothing uses it: the main thread waits,
and the time is the maker's alone.
"""

import random
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from benchmarks.timing import Work
from metassl.data.builder import EpisodeBuilder
from metassl.data.pool import Contents, split_pool
from metassl.data.sampler import EpisodeSampler
from metassl.data.spec import episode_spec
from metassl.data.task_stream import TaskStream
from metassl.training.allocator import keep_freed_memory

WAY, SHOT, QUERIES, TASKS = 5, 1, 15, 32
BATCHES = 5  # meta-batches a round
CLASSES, IMAGES, SIDE = 1028, 20, 28


def images() -> np.ndarray:
    """[classes · images, 28, 28, 1] uint8, the size of Omniglot's training classes without rotations."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (CLASSES * IMAGES, SIDE, SIDE, 1), dtype=np.uint8)


class InMemory(Dataset):
    """Images x [n, H, W, C] uint8 and their classes y, as easyfsl wants them."""

    def __init__(self, x: np.ndarray, y: Sequence[int]) -> None:
        self.x = torch.from_numpy(x).permute(0, 3, 1, 2).float() / 255
        self.y = list(y)

    def __getitem__(self, item: int) -> tuple[torch.Tensor, int]:
        return self.x[item], self.y[item]

    def __len__(self) -> int:
        return len(self.y)

    def get_labels(self) -> list[int]:
        """Of all items."""
        return self.y


def easyfsl_loader(dataset: Dataset, tasks: int) -> DataLoader:
    """easyfsl's sampler and collate function in torch's loader.

    easyfsl 1.5.0 calls Sampler.__init__(data_source=None), which torch no longer takes; it is given what it
    wants.
    """
    from easyfsl.samplers import TaskSampler
    from torch.utils.data import Sampler

    def init(self: Any, data_source: Any = None) -> None:
        pass

    Sampler.__init__ = init  # type: ignore[method-assign]
    sampler = TaskSampler(dataset, n_way=WAY, n_shot=SHOT, n_query=QUERIES, n_tasks=tasks)
    return DataLoader(dataset, batch_sampler=sampler, collate_fn=sampler.episodic_collate_fn)


def with_easyfsl() -> Work:
    """One round is as many episodes as ours."""
    _settle()
    episodes = iter(easyfsl_loader(InMemory(images(), np.repeat(range(CLASSES), IMAGES).tolist()), 10**9))
    return Work(_taking(episodes), lambda: next(episodes)[0].shape)


def _settle() -> None:
    """What holds for every contender's process."""
    random.seed(0)
    torch.set_num_threads(1)
    keep_freed_memory()


def _taking(episodes: Iterator[Any]) -> Callable[[], object]:
    return lambda: [next(episodes) for _ in range(TASKS * BATCHES)]


class Files(Dataset):
    """A folder of PNG files, decoded when asked for, as most few-shot repositories read theirs."""

    def __init__(self) -> None:
        from PIL import Image

        self.folder = tempfile.TemporaryDirectory()
        self.paths = []
        for k, x in enumerate(images()[: 64 * IMAGES]):
            self.paths.append(Path(self.folder.name) / f"{k}.png")
            Image.fromarray(x[..., 0]).save(self.paths[-1])

    def __getitem__(self, item: int) -> tuple[torch.Tensor, int]:
        from PIL import Image
        from torchvision.transforms.functional import to_tensor

        return to_tensor(Image.open(self.paths[item])), item // IMAGES

    def __len__(self) -> int:
        return len(self.paths)

    def get_labels(self) -> list[int]:
        """Of all items."""
        return [k // IMAGES for k in range(len(self.paths))]


def from_files() -> Work:
    """One round is as many episodes as ours, by easyfsl's sampler."""
    _settle()
    episodes = iter(easyfsl_loader(Files(), 10**9))
    return Work(_taking(episodes), lambda: next(episodes)[0].shape)


def ours(unlabelled: bool) -> Work:
    """A round is BATCHES meta-batches; U has 5 images of each class and of 5 distractor classes."""
    warnings.simplefilter("ignore")
    _settle()
    m, queries = (5, 14) if unlabelled else (0, QUERIES)
    spec = episode_spec(
        way=WAY, shot=SHOT, queries=queries, unlabelled=m, distractors=m, distractor_unlabelled=m,
        imbalance=1.0, class_aware=True, transductive=False, label_ratio=1.0, label_seed=0,
    )  # fmt: skip
    counts = np.full(CLASSES, IMAGES)
    contents = Contents(images(), counts, [str(k) for k in range(CLASSES)], {"train": range(CLASSES)}, {})
    sampler = EpisodeSampler(split_pool(contents, "train"), spec, 0, "train")
    builder = EpisodeBuilder(sampler, contents.items, {"plain": None} if unlabelled else {})
    stream = iter(TaskStream(builder, TASKS))

    def take() -> None:
        for _ in range(BATCHES):
            next(stream)

    return Work(take, lambda: next(stream).episodes.support_x.shape[1:])
