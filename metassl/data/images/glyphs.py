"""The embedded data set: letters of many scripts, drawn from the fonts that matplotlib ships.

No download. A class is a letter; whole scripts are held out for validation and test.
"""

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageDraw, ImageFont

from metassl.data.pool import Contents
from metassl.data.preparing.progress import track
from metassl.errors import DataError
from metassl.schema.ranges import Pixels, Seed

# By the first word of a letter's Unicode name. A letter that is drawn like one of an earlier script
# (Greek Α, Latin A) counts as that one, so no test class is drawn like a training class.
SCRIPTS = {
    "train": ("LATIN", "GREEK", "CYRILLIC", "CANADIAN"),
    "val": ("GEORGIAN", "ARMENIAN"),
    "test": ("ARABIC", "HEBREW", "TIFINAGH", "LISU", "LAO", "NKO", "OLD", "OGHAM", "COPTIC"),
}
FACES = tuple(
    f"DejaVu{family}{style}.ttf"
    for family, styles in (
        ("Sans", ("", "-Bold", "-Oblique", "-BoldOblique")),
        ("SansMono", ("", "-Bold", "-Oblique", "-BoldOblique")),
        ("Serif", ("", "-Bold", "-Italic", "-BoldItalic")),
    )
    for style in styles
)
CANVAS, FONT_SIZE, STROKE = 56, 37, 1  # pixels; the canvas leaves room for the widest letters
DRAWINGS = 20


class Glyphs:
    """About 2,600 letters × 20 drawings [n, size, size, 1] uint8, ink 255 on 0.

    Each drawing takes a face that has the letter, a stroke width, and an affine jitter: rotation ± 12°,
    shear ± 0.15, scale 0.85 to 1.15 along each axis, shift ± 8% of the side.

    Args:
        size: height and width, pixels.
        seed: of the jitter.
    """

    name = "glyphs"

    def __init__(self, size: Pixels = 28, seed: Seed = 0) -> None:
        self.size, self.seed = size, seed
        self.folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"

    def fingerprint(self) -> Mapping[str, Any]:
        """The options and the fonts' sizes in bytes."""
        sizes = [(self.folder / face).stat().st_size for face in FACES if (self.folder / face).exists()]
        return {"version": 1, "size": self.size, "seed": self.seed, "fonts": sizes}

    def read(self) -> Contents:
        """Draws all letters. Raises DataError when matplotlib's fonts are not there."""
        missing = [face for face in FACES if not (self.folder / face).exists()]
        if missing:
            raise DataError(f"'{self.folder / missing[0]}' doesn't exist: install matplotlib anew.")
        faces = [Face(self.folder / name) for name in FACES]
        letters = self._letters(faces)
        rng = np.random.default_rng(self.seed)
        items = np.empty((len(letters), DRAWINGS, self.size, self.size, 1), dtype=np.uint8)
        for k, letter in enumerate(track(letters, "glyphs")):
            items[k, ..., 0] = self._drawings(letter, [f for f in faces if letter in f.letters], rng)
        script_of = [unicodedata.name(letter).split()[0] for letter in letters]
        splits = {s: [k for k, x in enumerate(script_of) if x in names] for s, names in SCRIPTS.items()}
        names = [f"{script}/U+{ord(x):04X}" for script, x in zip(script_of, letters, strict=True)]
        counts = np.full(len(letters), DRAWINGS, dtype=np.int64)
        meta = {"source": "DejaVu fonts 2.37", "scripts": {s: list(x) for s, x in SCRIPTS.items()}}
        return Contents(items.reshape(-1, self.size, self.size, 1), counts, names, splits, meta)

    def _letters(self, faces: list["Face"]) -> list[str]:
        """The letters of DejaVu Sans by script, each shape once, none blank."""
        order = [script for scripts in SCRIPTS.values() for script in scripts]
        sans = faces[0]
        found: dict[str, str] = {}
        for letter in sorted(sans.letters, key=lambda x: (order.index(_script(x)), x)):
            bitmap = np.asarray(sans.draw(letter, 0))
            if bitmap.max() > 0:
                found.setdefault(hashlib.sha256(bitmap.tobytes()).hexdigest(), letter)
        return list(found.values())

    def _drawings(self, letter: str, faces: list["Face"], rng: np.random.Generator) -> np.ndarray:
        """[DRAWINGS, size, size] jittered drawings of one letter."""
        draw = lru_cache(lambda face, stroke: faces[face].draw(letter, stroke))
        drawings = np.empty((DRAWINGS, self.size, self.size), dtype=np.uint8)
        face, stroke = rng.integers(len(faces), size=DRAWINGS), STROKE * rng.integers(2, size=DRAWINGS)
        for d, row in enumerate(affine_maps(rng)):
            drawings[d] = jittered(draw(int(face[d]), int(stroke[d])), row, self.size)
        return drawings


class Face:
    """A font face and the letters of the known scripts that it has."""

    def __init__(self, path: Path) -> None:
        self.font = ImageFont.truetype(str(path), FONT_SIZE)
        self.letters = set(_known(FT2Font(str(path)).get_charmap()))

    def draw(self, letter: str, stroke: int) -> Image.Image:
        """The letter in the middle of a CANVAS × CANVAS picture, its strokes wider by 2·`stroke` pixels."""
        image = Image.new("L", (CANVAS, CANVAS))
        left, top, right, bottom = self.font.getbbox(letter, stroke_width=stroke)
        corner = ((CANVAS - left - right) / 2, (CANVAS - top - bottom) / 2)
        ImageDraw.Draw(image).text(corner, letter, fill=255, font=self.font, stroke_width=stroke)
        return image


def jittered(bitmap: Image.Image, row: list[float], size: int) -> np.ndarray:
    """[size, size] uint8 of a CANVAS × CANVAS drawing, moved by one of `affine_maps`."""
    moved = bitmap.transform((CANVAS, CANVAS), Image.Transform.AFFINE, row, Image.Resampling.BILINEAR)
    return np.asarray(moved.resize((size, size), Image.Resampling.BOX))


def affine_maps(rng: np.random.Generator) -> list[list[float]]:
    """For each drawing the six numbers of Pillow's affine map, from a place in the result to its source."""
    angle, shear = np.radians(rng.uniform(-12, 12, DRAWINGS)), rng.uniform(-0.15, 0.15, DRAWINGS)
    scale, shift = rng.uniform(0.85, 1.15, (2, DRAWINGS)), rng.uniform(-0.08, 0.08, (DRAWINGS, 2)) * CANVAS
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, cos * shear - sin], [sin, sin * shear + cos]]) * scale  # rotation · shear · scale
    inverse = np.linalg.inv(turn.transpose(2, 0, 1))
    offset = CANVAS / 2 - np.einsum("dij,dj->di", inverse, CANVAS / 2 + shift)
    return np.concatenate((inverse, offset[..., None]), axis=2).reshape(DRAWINGS, 6).tolist()


def _known(codes: Iterable[int]) -> Iterator[str]:
    scripts = {script for names in SCRIPTS.values() for script in names}
    for code in codes:
        letter = chr(code)
        if unicodedata.category(letter).startswith("L") and _script(letter) in scripts:
            yield letter


def _script(letter: str) -> str:
    return unicodedata.name(letter, "?").split()[0]
