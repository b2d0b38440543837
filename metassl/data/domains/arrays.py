"""Features or pictures of several domains in one .npz: rows, labels, and the domain of each."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from metassl.data.arrays import items_of, labels_of, loaded
from metassl.data.domains.contents import Uncommon, of_rows
from metassl.data.domains.scaling import scaled
from metassl.data.pool import Contents
from metassl.errors import DataError
from metassl.schema.constructor import checked


class DomainArrays:
    """Rows, labels and domains of one .npz file, or of a folder of them, one a domain.

    Args:
        path: an .npz file with x, y and domain, or a folder of such files, whose names are the domains and
            which need no `domain`.
        x_key: its rows, float vectors [n, d] or images as of dataset=arrays.
        y_key: its labels [n], whole numbers >= 0 or strings.
        domain_key: its domains [n], whole numbers >= 0 or strings.
        scale, standardise: of vectors, see metassl.data.domains.scaling.
        uncommon: classes that not all domains have: leave_out, or refuse.

    Raises:
        DataError: no path given.
    """

    name = "domain_arrays"

    @checked("dataset.source.files")
    def __init__(
        self,
        path: str | Path,
        x_key: str = "x",
        y_key: str = "y",
        domain_key: str = "domain",
        scale: Literal["none", "row_sum"] = "none",
        standardise: Literal["none", "domain"] = "none",
        uncommon: Literal["leave_out", "refuse"] = "leave_out",
    ) -> None:
        if not path:
            raise DataError(
                "dataset.source.files.path: found nothing, give an .npz file or a folder of them."
            )
        self.path, self.keys = Path(path), (x_key, y_key, domain_key)
        self.scale: Literal["none", "row_sum"] = scale
        self.standardise: Literal["none", "domain"] = standardise
        self.uncommon: Uncommon = uncommon

    def fingerprint(self) -> Mapping[str, Any]:
        """Place, size and time of each file, and the options. Raises DataError for no such file."""
        states = [(file.name, (state := file.stat()).st_size, state.st_mtime_ns) for file in self._files()]
        return {
            "version": 1, "path": str(self.path.resolve()), "files": states, "keys": list(self.keys),
            "scale": [self.scale, self.standardise], "uncommon": self.uncommon,
        }  # fmt: skip

    def read(self) -> Contents:
        """Raises DataError with one line for a wrong key, type, shape, width or label."""
        rows: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for file in self._files():
            rows |= self._of_file(file)
        rows = {domain: (self._scaled(x), y) for domain, (x, y) in sorted(rows.items())}
        return of_rows(f"'{self.path}'", rows, self.uncommon, {"source": f"'{self.path}'"})

    def _files(self) -> list[Path]:
        files = sorted(self.path.glob("*.npz")) if self.path.is_dir() else [self.path]
        if not files or not files[0].is_file():
            raise DataError(
                f"dataset.source.files.path: '{self.path}' is neither an .npz file nor a folder of them."
            )
        return files

    def _of_file(self, file: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Domain -> its rows and the names of their classes."""
        x_key, y_key, domain_key = self.keys
        alone = self.path.is_dir()
        arrays = loaded(file, (x_key, y_key) if alone else self.keys)
        x, y = items_of(file, x_key, arrays), labels_of(file, y_key, arrays).astype(str)
        domain = np.full(len(y), file.stem) if alone else labels_of(file, domain_key, arrays).astype(str)
        if not len(x) == len(y) == len(domain):
            raise DataError(
                f"'{file}': found {len(x)} rows, {len(y)} labels and {len(domain)} domains, needed is one of "
                "each for a row."
            )
        if alone and not len(x):
            raise DataError(
                f"'{file}': domain '{file.stem}' has no rows, at least 1 of each class is needed."
            )
        return {str(name): (x[domain == name], y[domain == name]) for name in np.unique(domain)}

    def _scaled(self, x: np.ndarray) -> np.ndarray:
        return scaled(x, self.scale, self.standardise) if x.ndim == 2 else x
