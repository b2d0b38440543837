"""What an episode of pictures that are made for it can't be."""

from collections.abc import Sequence

import numpy as np

from metassl.data.spec import EpisodeSpec, refuse_out_of_scope
from metassl.data.tinted.levels import Levels
from metassl.errors import ConfigError, DataError


def check_letters(items: np.ndarray) -> None:
    """Raises DataError for pictures that can't be tinted."""
    if items.ndim != 4 or items.shape[-1] != 1 or items.dtype != np.uint8:
        raise DataError(
            f"dataset.source.letters: found {items.dtype} {list(items.shape)}, allowed are grey pictures, "
            "uint8 [n, h, w, 1]."
        )


def check_make_up(spec: EpisodeSpec, prefix: str) -> None:
    """Raises ConfigError for options that need a fixed store of pictures."""
    refuse_out_of_scope(spec)
    why = "of this dataset, whose pictures are made anew for each task"
    if spec.label_ratio < 1:
        raise ConfigError(f"{prefix}.label_ratio: found {spec.label_ratio:g}, allowed is 1.0 {why}.")
    if not spec.class_aware:
        raise ConfigError(f"{prefix}.class_aware: found false, allowed is true {why}.")


def check_enough(
    attributes: Sequence[Levels], families: Sequence[str], drawings: int | None, spec: EpisodeSpec, split: str
) -> None:
    """Raises ConfigError where a split has too few levels, or a letter too few drawings.

    Args:
        attributes: with their levels in the split. Of each a support needs one a class, or it would tell
            the family.
        families: names of those that are classes, of which distractors need some, too.
        drawings: of a letter, for S and Q of a class; None where letters are never classes.
        spec: the make-up of an episode.
        split: for the message.
    """
    for levels in attributes:
        away = spec.distractors if levels.name in families else 0
        if spec.way.high + away > len(levels):
            raise ConfigError(
                f"episode.way: way {spec.way.high} + distractors {away} needs {spec.way.high + away} levels "
                f"of '{levels.name}', split '{split}' has {len(levels)}."
            )
    known = spec.shot.high + spec.queries
    if drawings is not None and known > drawings:
        raise ConfigError(
            f"episode: shot {spec.shot.high} + queries {spec.queries} needs {known} images a class, a letter "
            f"has {drawings}."
        )
