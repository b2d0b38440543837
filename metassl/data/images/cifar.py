"""CIFAR-FS (Bertinetto et al. 2019) and FC100 (Oreshkin et al. 2018): two class splits of CIFAR-100.

Data: Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from metassl.data import class_splits
from metassl.data.arrays import read_npz
from metassl.data.pool import Contents
from metassl.errors import DataError
from metassl.schema.ranges import Switch

URL = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
CLASSES = 100


class _Cifar100:
    """100 classes of photographs [n, 32, 32, 3] uint8, of the first of these that is there:

    1. the full data set, 600 images a class, where data_dir has the folder cifar-100-python;
    2. data_dir/cifar_fs/cifar100_100_per_class.npz, 100 training images a class (arrays `images`,
       `labels` and `class_names`); the results say `reduced`, for they don't compare with papers;
    3. a download of the full data set to data_dir.

    torchvision reads the full data set and checks its MD5 sums before it opens the pickles inside.
    """

    name = ""  # also the file of the class split

    def __init__(self, data_dir: str | Path, download: Switch = True) -> None:
        """Remembers what to read; `download` allows the third of the choices above."""
        self.data_dir, self.download = Path(data_dir), download
        self.reduced_file = self.data_dir / "cifar_fs" / "cifar100_100_per_class.npz"

    @property
    def reduced(self) -> bool:
        """Whether the small file is what there is."""
        return self.reduced_file.exists() and not (self.data_dir / "cifar-100-python").exists()

    def fingerprint(self) -> Mapping[str, Any]:
        """Which of the two contents is read; each is fixed."""
        return {"version": 1, "reduced": self.reduced}

    def read(self) -> Contents:
        """Raises DataError for files that are missing, truncated or not CIFAR-100."""
        items, counts, names = self._read_reduced() if self.reduced else self._read_full()
        splits = class_splits.indices(class_splits.published(self.name), names, "CIFAR-100 class")
        meta = {"source": URL, "reduced": self.reduced, "images_per_class": int(counts.min())}
        return Contents(items, counts, names, splits, meta)

    def _read_reduced(self) -> tuple[np.ndarray, np.ndarray, list[str]]:
        items, counts, names = read_npz(self.reduced_file, "images", "labels")
        if items.shape[1:] != (32, 32, 3) or items.dtype != np.uint8 or len(names) != CLASSES:
            found = f"{len(names)} classes of {items.dtype} {list(items.shape[1:])}"
            raise DataError(f"'{self.reduced_file}': found {found}, expected {CLASSES} of uint8 [32, 32, 3].")
        return items, counts, names

    def _read_full(self) -> tuple[np.ndarray, np.ndarray, list[str]]:
        # Imported here: it takes seconds, and the cached and the reduced data don't need it.
        from torchvision.datasets import CIFAR100

        try:
            parts = [
                CIFAR100(str(self.data_dir), train, download=self._may_download()) for train in (True, False)
            ]
        except (OSError, RuntimeError, EOFError, ValueError) as error:
            raise DataError(self._no_data(error)) from error
        items = np.concatenate([part.data for part in parts])
        labels = np.concatenate([part.targets for part in parts])
        counts = np.bincount(labels, minlength=CLASSES).astype(np.int64)
        return items[np.argsort(labels, kind="stable")], counts, list(parts[0].classes)

    def _may_download(self) -> bool:
        return self.download and not (self.data_dir / "cifar-100-python").exists()

    def _no_data(self, error: Exception) -> str:
        folder = self.data_dir / "cifar-100-python"
        if folder.exists():
            return f"'{folder}' is truncated or corrupt: delete it and unpack {URL} into '{self.data_dir}'."
        why = (
            f"can't be downloaded ({' '.join(str(error).split())})" if self.download else "download is false"
        )
        return f"'{folder}' doesn't exist and {why}: unpack {URL} into '{self.data_dir}'."


class CifarFS(_Cifar100):
    """64, 16 and 20 classes, chosen at random (Bertinetto et al. 2019)."""

    name = "cifar_fs"


class FC100(_Cifar100):
    """60, 20 and 20 classes of separate superclasses (Oreshkin et al. 2018)."""

    name = "fc100"
