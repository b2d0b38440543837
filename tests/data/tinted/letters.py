"""Made letters, and draws in which a picture says by its numbers what is to be seen in it."""

import numpy as np

from metassl.data.drawing.draw import Draw
from metassl.data.pool import Contents
from metassl.data.spec import EpisodeSpec, episode_spec
from metassl.data.tinted.attributes import Hue, Slant, Texture, Thickness
from metassl.data.tinted.sampler import FamilySampler
from metassl.data.tinted.tasks import TintedTasks

LETTERS, DRAWINGS, SIDE = 40, 12, 12
KINDS = {"hue": Hue(), "thickness": Thickness(), "slant": Slant(), "texture": Texture()}
MAKE_UP = {
    "way": 5, "shot": 1, "queries": 4, "unlabelled": 5, "distractors": 0, "distractor_unlabelled": 3, "imbalance": 1.0,
    "class_aware": True, "transductive": False, "label_ratio": 1.0, "label_seed": 0,
}  # fmt: skip
ALL = ("shape", *KINDS)


def contents() -> Contents:
    items = np.random.default_rng(0).integers(0, 256, (LETTERS * DRAWINGS, SIDE, SIDE, 1), dtype=np.uint8)
    splits = {"train": range(20), "val": range(20, 30), "test": range(30, 40)}
    return Contents(items, np.full(LETTERS, DRAWINGS), [f"c{k}" for k in range(LETTERS)], splits, {})


def spec(**changes: object) -> EpisodeSpec:
    return episode_spec(**{**MAKE_UP, **changes})


def told(levels: np.ndarray, drawings: np.ndarray, looks: np.ndarray) -> np.ndarray:
    """In place of pictures: [n, 1, 1, A + 1 + 2A] levels, drawing and looks."""
    return np.concatenate((levels, drawings[None], *looks.transpose(0, 2, 1))).T[:, None, None]


def sampler(
    families=("shape", "hue"), split="train", outer=False, seed=0, **changes: object
) -> FamilySampler:
    made = TintedTasks(contents(), KINDS, families).sampler(spec(**changes), seed, split, outer)
    made.paint = told
    return made


def seen(made: FamilySampler, draw: Draw, part: str) -> np.ndarray:
    """[A + 1, T, n] levels and drawing of a part."""
    of_part = draw.items[getattr(draw, part)][:, :, 0, 0]
    return of_part[..., : len(made.attributes) + 1].transpose(2, 0, 1).astype(int)
