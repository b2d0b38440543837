"""Made data sets whose pictures say which they are: member, class and drawing stand in the first pixels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from metassl.data.mixture.tasks import Mixture, MixtureTasks
from metassl.data.pool import Contents
from metassl.data.spec import EpisodeSpec, episode_spec
from metassl.data.store import load

SIDE, CLASSES, DRAWINGS = 8, 24, 14
SPLITS = {"train": range(12), "val": range(12, 17), "test": range(17, 24)}
MAKE_UP = {
    "way": 3, "shot": 1, "queries": 2, "unlabelled": 3, "distractors": 0, "distractor_unlabelled": 2, "imbalance": 1.0,
    "class_aware": True, "transductive": False, "label_ratio": 1.0, "label_seed": 0,
}  # fmt: skip


@dataclass(frozen=True)
class Made:
    """A source of pictures; those of one `seed` are the same, whatever the split."""

    seed: int
    splits: Mapping[str, Sequence[int]] = field(default_factory=lambda: SPLITS)
    channels: int = 1
    side: int = SIDE
    name: str = "made"

    def fingerprint(self) -> Mapping[str, Any]:
        splits = {split: list(classes) for split, classes in self.splits.items()}
        return {"seed": self.seed, "splits": splits, "shape": [self.side, self.channels]}

    def read(self) -> Contents:
        rng = np.random.default_rng(self.seed)
        shape = (CLASSES * DRAWINGS, self.side, self.side, self.channels)
        items = rng.integers(0, 256, shape, dtype=np.uint8)
        items[:, 0, 0] = self.seed
        items[:, 0, 1] = np.repeat(np.arange(CLASSES), DRAWINGS)[:, None]
        items[:, 0, 2] = np.tile(np.arange(DRAWINGS), CLASSES)[:, None]
        names = [f"c{k}" for k in range(CLASSES)]
        return Contents(
            items, np.full(CLASSES, DRAWINGS), names, self.splits, {"source": f"made {self.seed}"}
        )


def spec(**changes: object) -> EpisodeSpec:
    return episode_spec(**{**MAKE_UP, **changes})


def mixture(folder: Path, sources: Mapping[str, Any] | None = None, **options: Any) -> MixtureTasks:
    """Of members a and b, in grey and as large as they are, unless the options say otherwise."""
    sources = sources or {"a": Made(1), "b": Made(2)}
    common = {"members": list(sources), "size": SIDE, "channels": 1}
    made = Mixture(sources, **{**common, **options})
    return made.prepared(lambda source: load(source, folder, progress=False))  # type: ignore[return-value]
