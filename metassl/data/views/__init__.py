"""Random views of unlabelled inputs: what "weak" and "strong" mean for a kind of data."""

from metassl.data.views.affine import AffineJitter
from metassl.data.views.base import View
from metassl.data.views.by_kind import ByKind
from metassl.data.views.characters import BentCharacter
from metassl.data.views.photographs import FlipShift, RandAugment
from metassl.data.views.vectors import Jitter, MaskedNoise

__all__ = [
    "AffineJitter",
    "BentCharacter",
    "ByKind",
    "FlipShift",
    "Jitter",
    "MaskedNoise",
    "RandAugment",
    "View",
]
