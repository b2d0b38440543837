"""tieredImageNet (Ren et al. 2018): 351, 97 and 160 classes, of 20, 6 and 8 categories."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from metassl.data.images.imagenet import safe_pickle
from metassl.data.images.imagenet.npz_rows import send_rows
from metassl.data.images.imagenet.parts import Part, Put
from metassl.data.images.imagenet.pickled_parts import name_list, named, numbers_of, read_dict
from metassl.data.images.imagenet.subset import (
    SPLIT_FOLDERS,
    ImageNetSubset,
    Layout,
    class_folders,
    each_split,
)
from metassl.data.images.pictures import decode
from metassl.data.preparing.progress import track
from metassl.errors import DataError

PNGS, ARRAYS, LABELS = "{}_images_png.pkl", "{}_images.npz", "{}_labels.pkl"


def png_part(folder: Path, split: str) -> Part:
    """The authors' list of PNG files, each an array of its bytes or bytes, decoded while it is read."""
    file = folder / PNGS.format(split)
    names, labels, _ = _labels(folder / LABELS.format(split))
    return Part(file, names, labels, lambda put: _send_pngs(file, len(labels), put))


def _send_pngs(file: Path, count: int, put: Put) -> None:
    numbers = iter(track(itertools.count(), file.name, total=count))

    def send(content: bytes) -> int:
        k = next(numbers)
        put(np.asarray(decode(content, "RGB", f"'{file}', image {k}"))[None])
        return k

    found: Any = safe_pickle.load(file, lambda array: send(array.tobytes()))
    if not isinstance(found, list):
        raise DataError(f"'{file}': found {type(found).__name__}, expected a list of PNG files.")
    # bytes have stayed in the list, arrays have left their number there
    sent = [send(item) if isinstance(item, bytes) else item for item in found]
    if sent != list(range(len(sent))):
        raise DataError(f"'{file}': found other things than PNG files, or one of them twice.")


def array_part(folder: Path, split: str) -> Part:
    """The same, unpacked: the array images [n, 84, 84, 3] of an .npz file."""
    file = folder / ARRAYS.format(split)
    names, labels, authors = _labels(folder / LABELS.format(split))

    def send(put: Put) -> None:
        # The authors' script unpacks with OpenCV, which turns RGB into BGR.
        send_rows(file, "images", (lambda images: put(images[..., ::-1])) if authors else put)

    return Part(file, names, labels, send)


def _labels(file: Path) -> tuple[list[str], np.ndarray, bool]:
    """Class names, [n] labels, and whether the file is the authors': others have 'labels' alone."""
    found = read_dict(file)
    authors = "labels" not in found
    key = "label_specific" if authors else "labels"
    if key not in found:
        raise DataError(f"'{file}': found no key 'label_specific' and none 'labels', one is needed.")
    names, labels = named(numbers_of(file, key, found[key]), name_list(found.get("label_specific_str")))
    return names, labels, authors


class TieredImageNet(ImageNetSubset):
    """779,165 photographs, about 1,281 a class; Ren et al. 2018 resize them bicubically."""

    name = "tiered_imagenet"
    title = "tieredImageNet"
    layouts = (
        Layout(
            f"{ARRAYS.format('{train,val,test}')} with {LABELS.format('{train,val,test}')}",
            each_split(ARRAYS, LABELS),
            array_part,
        ),
        Layout(
            f"{PNGS.format('{train,val,test}')} with {LABELS.format('{train,val,test}')}",
            each_split(PNGS, LABELS),
            png_part,
        ),
        SPLIT_FOLDERS,
        class_folders("tiered_imagenet"),
    )
    resample = Image.Resampling.BICUBIC
    images = 779_165
    most = 1_300
