"""Pictures of several domains, as Office-31, Office-Home, PACS and DomainNet come."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from metassl.data.class_folders import visible
from metassl.data.domains.contents import Uncommon, common_classes, described, said
from metassl.data.images.pictures import fitted
from metassl.data.pool import Contents
from metassl.data.preparing.progress import track
from metassl.data.preparing.room import room
from metassl.errors import DataError
from metassl.schema.constructor import checked
from metassl.schema.ranges import Pixels

Tree = Mapping[str, Mapping[str, list[Path]]]


class DomainFolder:
    """Pictures [n, size, size, channels] uint8 of path/<domain>/<class>/<file>.

    Args:
        path: a folder of folders, one a domain, each with the folders of its classes. Names that start with
            '.' are ignored everywhere.
        size: pixels; a picture's shorter side is resized to it and the centre is kept.
        channels: 3 (RGB) or 1 (grey).
        uncommon: classes that not all domains have: leave_out, or refuse.

    Raises:
        DataError: no path given.
    """

    name = "domains"

    @checked("dataset.source.files")
    def __init__(
        self,
        path: str | Path,
        size: Pixels = 84,
        channels: Literal[1, 3] = 3,
        uncommon: Literal["leave_out", "refuse"] = "leave_out",
    ) -> None:
        if not path:
            raise DataError("dataset.source.files.path: found nothing, give a folder of domains.")
        self.path, self.size, self.channels = Path(path), size, channels
        self.uncommon: Uncommon = uncommon

    def fingerprint(self) -> Mapping[str, Any]:
        """Options, and name, size and time of every file. Raises DataError for no such folder."""
        files = [file for classes in self._tree().values() for found in classes.values() for file in found]
        states = [
            (str(file.relative_to(self.path)), (state := file.stat()).st_size, state.st_mtime_ns)
            for file in files
        ]
        listing = hashlib.sha256(json.dumps(states).encode()).hexdigest()
        shape = [self.size, self.channels]
        return {
            "version": 1, "path": str(self.path.resolve()), "files": listing, "shape": shape,
            "uncommon": self.uncommon,
        }  # fmt: skip

    def read(self) -> Contents:
        """Raises DataError as `common_classes`, or for a file that isn't a picture."""
        tree = self._tree()
        found = {domain: [name for name, files in of.items() if files] for domain, of in tree.items()}
        classes = common_classes(f"'{self.path}'", found, self.uncommon)
        cells = [tree[domain][name] for domain in tree for name in classes]
        files = [file for cell in cells for file in cell]
        items = room((len(files), self.size, self.size, self.channels))
        for row, file in enumerate(track(files, self.path.name)):
            items[row] = fitted(file, self.size, self.channels)
        counts = [len(cell) for cell in cells]
        meta = {"source": f"'{self.path}'", "said": said(found, classes)}
        return described(items, counts, list(tree), classes, meta)

    def _tree(self) -> Tree:
        """Domain -> class -> files."""
        if not self.path.is_dir():
            raise DataError(f"dataset.source.files.path: '{self.path}' is not a folder, give one of domains.")
        return {
            domain.name: {each.name: visible(each) for each in visible(domain, folders=True)}
            for domain in visible(self.path, folders=True)
        }
