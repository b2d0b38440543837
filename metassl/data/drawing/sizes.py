"""Whether a split can supply the episodes that are asked of it."""

import numpy as np

from metassl.data.pool import Pool
from metassl.data.spec import EpisodeSpec
from metassl.errors import ConfigError


def check_sizes(pool: Pool, labelled: np.ndarray, spec: EpisodeSpec, sets: int, split: str) -> None:
    """Raise ConfigError, with the class and its count, when `spec` asks for more than there is.

    Args:
        pool: the classes of the split.
        labelled: [C, I] bool, which images have labels.
        spec: the make-up of an episode.
        sets: 1, or 2 when the outer loss draws unlabelled images of its own.
        split: for the message.
    """
    _enough_classes(pool, spec, split)
    known = spec.shot.high + spec.queries
    free = 0 if spec.transductive or not spec.class_aware else sets * spec.unlabelled
    away = sets * spec.distractor_unlabelled if spec.distractors and spec.class_aware else 0
    asked = f"shot {spec.shot.high} + queries {spec.queries}"
    if spec.label_ratio < 1:
        note = f" with label (label_ratio={spec.label_ratio:g})"
        _enough_images(pool, labelled.sum(1), known, asked, note, split)
        note = f" without label (label_ratio={spec.label_ratio:g})"
        _enough_images(
            pool, pool.counts - labelled.sum(1), max(free, away), "unlabelled and distractors", note, split
        )
    else:
        asked += f" + unlabelled {free}" if free else ""
        _enough_images(pool, pool.counts, max(known + free, away), asked, "", split)
    if not spec.class_aware:
        _enough_in_all(pool, labelled, spec, sets, split)


def _enough_classes(pool: Pool, spec: EpisodeSpec, split: str) -> None:
    need, have = spec.way.high + spec.distractors, len(pool.counts)
    if need > have:
        raise ConfigError(
            f"episode.way: way {spec.way.high} + distractors {spec.distractors} needs {need} classes, "
            f"split '{split}' has {have}."
        )


def _enough_images(pool: Pool, have: np.ndarray, need: int, asked: str, note: str, split: str) -> None:
    worst = int(np.argmin(have))
    if have[worst] < need:
        raise ConfigError(
            f"episode: {asked} needs {need} images a class, class '{pool.class_names[worst]}' of split "
            f"'{split}' has {int(have[worst])}{note}."
        )


def _enough_in_all(pool: Pool, labelled: np.ndarray, spec: EpisodeSpec, sets: int, split: str) -> None:
    total = int(pool.counts.sum()) - (int(labelled.sum()) if spec.label_ratio < 1 else 0)
    taken = 0 if spec.label_ratio < 1 else spec.way.high * (spec.shot.high + spec.queries)
    size = sum(spec.unlabelled_counts()) + spec.distractors * spec.distractor_unlabelled
    need = taken + sets * size
    if need > total:
        raise ConfigError(f"episode.unlabelled: needs {need} images in all, split '{split}' has {total}.")
