"""Omniglot: 1,623 handwritten characters of 50 alphabets, 20 drawings each (Lake et al., Science 2015).

Source: https://github.com/brendenlake/omniglot (MIT licence).
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from metassl.data import class_splits
from metassl.data.images.pictures import decode
from metassl.data.pool import SPLITS, Contents
from metassl.data.preparing.archives import opened
from metassl.data.preparing.download import fetch
from metassl.data.preparing.progress import track
from metassl.errors import DataError
from metassl.schema.constructor import checked
from metassl.schema.ranges import Pixels, Switch

URL = "https://github.com/brendenlake/omniglot/raw/master/python"
# As in torchvision.datasets.Omniglot.zips_md5; checked for downloads only, since an archive packed
# anew holds the same drawings under another checksum.
MD5 = {
    "images_background": "68d2efa1b9178cc56df9314c21c6e718",
    "images_evaluation": "6b91aef0f799c5bb55b94e3f2daec811",
}
CHARACTERS = {"images_background": 964, "images_evaluation": 659}
DRAWINGS = 20
# Lake's split has no validation part. These five background alphabets are also the validation part of
# Vinyals et al. (2016), so that both splits choose on the same classes.
LAKE_VAL = ("Armenian", "Bengali", "Early_Aramaic", "Hebrew", "Mkhedruli_(Georgian)")
ROTATIONS = ("rot000", "rot090", "rot180", "rot270")


class Omniglot:
    """Drawings [n, size, size, 1] uint8, ink 255 on 0 (upstream: black ink on white).

    Classes are named 'Alphabet/character01', with rotations 'Alphabet/character01/rot000', '/rot090',
    '/rot180' and '/rot270' (counterclockwise).
    """

    name = "omniglot"

    @checked("dataset.source")
    def __init__(
        self,
        data_dir: str | Path,
        split: Literal["vinyals", "lake"] = "vinyals",
        rotations: Switch = True,
        size: Pixels = 28,
        download: Switch = True,
    ) -> None:
        """Remembers what to read; no file is touched before `read`.

        Args:
            data_dir: holds omniglot/images_background.zip and omniglot/images_evaluation.zip.
            split: "vinyals" (1,028, 172 and 423 characters, Vinyals et al. 2016), or "lake" (25
                background alphabets to train, 5 to validate, the 20 evaluation alphabets to test).
            rotations: every turn by 90 degrees is a new class of the same split, 6,492 in all.
            size: height and width in pixels; upstream has 105.
            download: fetch an archive that is missing.

        Raises:
            ConfigError: an unknown split, or a size below 1.
        """
        self.folder = Path(data_dir) / "omniglot"
        self.split, self.rotations, self.size, self.download = split, rotations, size, download

    def fingerprint(self) -> Mapping[str, Any]:
        """The options alone: the drawings are fixed, and `read` refuses any other number of them."""
        return {"version": 1, "split": self.split, "rotations": self.rotations, "size": self.size}

    def read(self) -> Contents:
        """All drawings of both archives. Raises DataError for a missing, truncated or wrong archive."""
        characters: dict[str, list[np.ndarray]] = {}
        for archive in CHARACTERS:
            characters.update(self._read_archive(archive))
        names = list(characters)
        parts = self._splits(names)
        turns = ROTATIONS if self.rotations else ROTATIONS[:1]
        items = np.empty((len(names), len(turns), DRAWINGS, self.size, self.size, 1), dtype=np.uint8)
        for k, drawings in enumerate(characters.values()):
            for r in range(len(turns)):
                items[k, r, ..., 0] = np.rot90(np.stack(drawings), k=r, axes=(1, 2))
        if self.rotations:
            names = [f"{name}/{turn}" for name in names for turn in turns]
            parts = {
                s: [len(turns) * k + r for k in ks for r in range(len(turns))] for s, ks in parts.items()
            }
        meta = {"source": URL, "licence": "MIT", "split": self.split, "rotations": self.rotations}
        counts = np.full(len(names), DRAWINGS, dtype=np.int64)
        return Contents(items.reshape(-1, self.size, self.size, 1), counts, names, parts, meta)

    def _splits(self, names: Sequence[str]) -> dict[str, list[int]]:
        if self.split == "vinyals":
            return class_splits.indices(
                class_splits.published("omniglot_vinyals"), names, "Omniglot character"
            )
        background = CHARACTERS["images_background"]
        parts: dict[str, list[int]] = {split: [] for split in SPLITS}
        for k, name in enumerate(names):
            held_out = "val" if name.split("/")[0] in LAKE_VAL else "train"
            parts[held_out if k < background else "test"].append(k)
        return parts

    def _read_archive(self, archive: str) -> dict[str, list[np.ndarray]]:
        """The drawings of each character of one archive, sorted by name, after a check of their number."""
        path = self.folder / f"{archive}.zip"
        if not path.exists():
            if not self.download:
                raise DataError(
                    f"'{path}' doesn't exist and download is false: get it from {URL}/{path.name}."
                )
            fetch(f"{URL}/{path.name}", path, MD5[archive])
        characters: dict[str, list[np.ndarray]] = {}
        try:
            for character, drawing in self._drawings(path):
                characters.setdefault(character, []).append(drawing)
        except DataError as error:
            raise DataError(f"{str(error).rstrip('.')}: delete it, get {URL}/{path.name}.") from error
        wrong = [name for name, drawings in characters.items() if len(drawings) != DRAWINGS]
        if len(characters) != CHARACTERS[archive] or wrong:
            found = sum(len(drawings) for drawings in characters.values())
            expected = f"{CHARACTERS[archive] * DRAWINGS:,} of {CHARACTERS[archive]}"
            raise DataError(
                f"'{path}': found {found:,} drawings of {len(characters)} characters, expected {expected}."
            )
        return characters

    def _drawings(self, path: Path) -> Iterator[tuple[str, np.ndarray]]:
        """Yields ('Alphabet/character01', [size, size] uint8), straight from the zip."""
        with opened(path) as archive:
            members = sorted(name for name in archive.namelist() if name.endswith(".png"))
            for member in track(members, path.name):
                image = decode(archive.read(member), "L", f"'{path}' is truncated or corrupt: '{member}'")
                if image.size != (self.size, self.size):
                    image = image.resize((self.size, self.size), Image.Resampling.LANCZOS)
                yield "/".join(member.split("/")[-3:-1]), 255 - np.asarray(image)
