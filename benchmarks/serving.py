"""A folder of embedded letters, and the page of `metassl label serve=true` on it as a process of its own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import metassl

MODEL = "handwriting"
SIDE = 84  # pixels of a picture file
APART = 40  # places, by name, of two classes that are taken


def letters(labelled: int, others: int, classes: int = 5) -> tuple[NDArray[np.uint8], list[str]]:
    """Letters [n, 28, 28] of the embedded test classes, light on dark, and the class of each; "" has none.

    Those without a label are of these classes so far as there are drawings, and then of any.

    Args:
        labelled, others: letters of each class, with a label and without.
        classes: how many.
    """
    x, names = metassl.dataset("glyphs", split="test")
    chosen = sorted(set(names))[::APART][:classes]
    own = [np.flatnonzero(names == name) for name in chosen]
    known = np.concatenate([rows[:labelled] for rows in own])
    free = np.concatenate([rows[labelled : labelled + others] for rows in own])
    rest = np.setdiff1d(np.arange(len(x)), np.concatenate(own))
    free = np.concatenate((free, rest[: classes * others - len(free)]))
    y = [str(names[row]).replace("/", "_") for row in known] + [""] * len(free)
    return x[np.concatenate((known, free)), ..., 0].astype(np.uint8, copy=False), y


def letters_folder(folder: Path, labelled: int, others: int) -> None:
    """Writes such letters as files, dark on white: <class>/ and unlabelled/."""
    for number, (letter, label) in enumerate(zip(*letters(labelled, others), strict=True)):
        place = folder / (label or "unlabelled")
        place.mkdir(exist_ok=True)
        Image.fromarray(255 - letter).resize((SIDE, SIDE)).save(place / f"{number}.png")


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, int]]:
    """The link of the page and the number of its process, which is killed at the end."""
    command = [sys.executable, "-m", "metassl", "label", f"images={folder}", f"model={MODEL}", "serve=true"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        assert running.stdout is not None
        try:
            yield running.stdout.readline().split()[0], running.pid
        finally:
            running.kill()
