"""Office-Caltech10: ten classes of objects in four domains, as SURF histograms of 800 visual words."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from metassl.data.domains.contents import of_rows
from metassl.data.domains.matlab import matlab_arrays
from metassl.data.domains.scaling import reduced, scaled
from metassl.data.pool import Contents
from metassl.errors import DataError
from metassl.schema.constructor import checked
from metassl.schema.ranges import Count

FOLDER = "office_caltech10"
FILES = {"amazon": "amazon", "caltech": "Caltech10", "dslr": "dslr", "webcam": "webcam"}
CLASSES = (
    "backpack", "bike", "calculator", "headphones", "keyboard", "laptop", "monitor", "mouse", "mug",
    "projector",
)  # fmt: skip


class OfficeCaltech10:
    """Pictures of ten kinds of objects: amazon (958), caltech (1,123), dslr (157), webcam (295).

    Gong et al. 2012: the ten classes that Office-31 (Saenko et al. 2010) and Caltech-256 share; each picture
    is a histogram of 800 visual words. The published figures divide each by its sum and bring each feature to
    z-scores within a domain, which are the defaults.

    Args:
        data_dir: holds the folder office_caltech10 with amazon_SURF_L10.mat, Caltech10_SURF_L10.mat,
            dslr_SURF_L10.mat and webcam_SURF_L10.mat.
        scale: row_sum, or none: counts.
        standardise: domain, or none.
        components: principal components of the rows of all four domains, without labels; null: all features.
    """

    name = FOLDER

    @checked("dataset.source.files")
    def __init__(
        self,
        data_dir: str | Path,
        scale: Literal["none", "row_sum"] = "row_sum",
        standardise: Literal["none", "domain"] = "domain",
        components: Count | None = None,
    ) -> None:
        self.folder = Path(data_dir) / FOLDER
        self.scale: Literal["none", "row_sum"] = scale
        self.standardise: Literal["none", "domain"] = standardise
        self.components = components

    def fingerprint(self) -> Mapping[str, Any]:
        """The options, and size and time of the files. Raises DataError where one is not there."""
        states = [[(state := file.stat()).st_size, state.st_mtime_ns] for file in self._files().values()]
        scale = [self.scale, self.standardise, self.components]
        return {"version": 1, "files": states, "scale": scale}

    def read(self) -> Contents:
        """Raises DataError for files that are missing, damaged or something else."""
        read = {domain: self._of_file(file) for domain, file in self._files().items()}
        kept = reduced({domain: x for domain, (x, _) in read.items()}, self.components)
        rows = {domain: (kept[domain], y) for domain, (_, y) in read.items()}
        return of_rows(f"'{self.folder}'", rows, "refuse", {"source": "Office-Caltech10, SURF"})

    def _files(self) -> dict[str, Path]:
        files = {domain: self.folder / f"{name}_SURF_L10.mat" for domain, name in FILES.items()}
        for file in files.values():
            if not file.is_file():
                raise DataError(
                    f"'{file}' doesn't exist: put the four .mat files of Gong et al. 2012 (SURF, L10) into "
                    f"'{self.folder}'."
                )
        return files

    def _of_file(self, file: Path) -> tuple[np.ndarray, np.ndarray]:
        """The rows of a domain, and the names of their classes."""
        x, y = matlab_arrays(file, ("fts", "labels"))
        y = y.ravel()
        if (
            len(x) != len(y)
            or not np.isin(y, np.arange(1, len(CLASSES) + 1)).all()
            or not np.isfinite(x).all()
        ):
            raise DataError(
                f"'{file}': found {len(x)} rows of {x.shape[1]} features and {len(y)} labels, expected are "
                "finite features and a label from 1 to 10 for each row."
            )
        return scaled(x, self.scale, self.standardise), np.array(CLASSES)[y.astype(int) - 1]
