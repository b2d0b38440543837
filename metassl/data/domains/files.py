"""What a user has of several domains: a folder of pictures, or arrays; told apart by what lies there."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from metassl.data.class_folders import visible
from metassl.data.domains.arrays import DomainArrays
from metassl.data.domains.folder import DomainFolder
from metassl.data.pool import Contents
from metassl.errors import DataError
from metassl.schema.constructor import checked
from metassl.schema.ranges import Pixels


class DomainFiles:
    """Domains as they lie on a disk: path/<domain>/<class>/<file>, path/<domain>.npz, or one .npz of all.

    Args:
        path: a folder of folders of classes, a folder of .npz files, or an .npz file.
        size, channels: of pictures, see DomainFolder.
        x_key, y_key, domain_key, scale, standardise: of arrays, see DomainArrays.
        uncommon: classes that not all domains have: leave_out, or refuse.

    Raises:
        DataError: no path given.
    """

    @checked("dataset.source.files")
    def __init__(
        self,
        path: str | Path,
        size: Pixels = 84,
        channels: Literal[1, 3] = 3,
        x_key: str = "x",
        y_key: str = "y",
        domain_key: str = "domain",
        scale: Literal["none", "row_sum"] = "none",
        standardise: Literal["none", "domain"] = "none",
        uncommon: Literal["leave_out", "refuse"] = "leave_out",
    ) -> None:
        if not path:
            raise DataError(
                "dataset.source.files.path: found nothing, give a folder of domains or an .npz file."
            )
        of_arrays = Path(path).is_file() or _only_arrays(Path(path))
        self.files: DomainArrays | DomainFolder = (
            DomainArrays(path, x_key, y_key, domain_key, scale, standardise, uncommon)
            if of_arrays
            else DomainFolder(path, size, channels, uncommon)
        )

    @property
    def name(self) -> str:
        """That of what is there."""
        return self.files.name

    def fingerprint(self) -> Mapping[str, Any]:
        """That of what is there."""
        return self.files.fingerprint()

    def read(self) -> Contents:
        """Raises DataError as what is there."""
        return self.files.read()


def _only_arrays(path: Path) -> bool:
    """Whether a folder has .npz files and no folders."""
    return path.is_dir() and not visible(path, folders=True) and any(path.glob("*.npz"))
