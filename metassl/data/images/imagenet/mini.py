"""miniImageNet (Vinyals et al. 2016) in the split of Ravi & Larochelle 2017: 64, 16 and 20 classes × 600."""

from pathlib import Path

import numpy as np
from PIL import Image

from metassl.data.images.imagenet.parts import Part
from metassl.data.images.imagenet.pickled_parts import images_of, named, numbers_of, read_dict
from metassl.data.images.imagenet.subset import (
    CSV_FILES,
    SPLIT_FOLDERS,
    ImageNetSubset,
    Layout,
    class_folders,
    each_split,
)
from metassl.errors import DataError

CACHE = "mini-imagenet-cache-{}.pkl"
CATEGORY = "miniImageNet_category_split_{}.pickle"


def cache_part(folder: Path, split: str) -> Part:
    """The cache of Ren et al. 2018: image_data [n, 84, 84, 3] and class_dict {class: rows}."""
    file = folder / CACHE.format(split)
    found = read_dict(file, "image_data", "class_dict")
    images = images_of(file, "image_data", found["image_data"])
    if not isinstance(found["class_dict"], dict):
        raise DataError(f"'{file}', 'class_dict': found no dict of classes.")
    names = [str(name) for name in found["class_dict"]]
    rows = [
        numbers_of(file, f"class_dict: {name}", rows, len(images))
        for name, rows in found["class_dict"].items()
    ]
    given = np.bincount(np.concatenate([*rows, np.zeros(0, np.int64)]), minlength=len(images))
    if (given != 1).any():
        row = int(np.argmax(given != 1))
        raise DataError(f"'{file}': image {row} is in {given[row]} classes of 'class_dict', expected is 1.")
    labels = np.empty(len(images), np.int64)
    for k, of_class in enumerate(rows):
        labels[of_class] = k
    return Part(file, names, labels, lambda put: put(images))


def category_part(folder: Path, split: str) -> Part:
    """The cache of Gidaris & Komodakis 2018: data, labels and, in most files, catname2label {class: label}.

    Its other files train_phase_val and train_phase_test hold further images of the training classes,
    which are not among the 600.
    """
    file = folder / CATEGORY.format("train_phase_train" if split == "train" else split)
    found = read_dict(file, "data", "labels")
    images = images_of(file, "data", found["data"])
    label_of = found.get("catname2label")
    pairs = label_of.items() if isinstance(label_of, dict) else ()
    names = {label: str(name) for name, label in pairs if type(label) is int}
    classes, labels = named(numbers_of(file, "labels", found["labels"]), names)
    return Part(file, classes, labels, lambda put: put(images))


class MiniImageNet(ImageNetSubset):
    """60,000 photographs; Ren et al. 2018 resize them bilinearly."""

    name = "mini_imagenet"
    title = "miniImageNet"
    layouts = (
        Layout(CACHE.format("{train,val,test}"), each_split(CACHE), cache_part),
        Layout(
            CATEGORY.format("{train_phase_train,val,test}"),
            {**each_split(CATEGORY), "train": (CATEGORY.format("train_phase_train"),)},
            category_part,
        ),
        CSV_FILES,
        SPLIT_FOLDERS,
        class_folders("mini_imagenet"),
    )
    resample = Image.Resampling.BILINEAR
    images = 60_000
    most = 600
