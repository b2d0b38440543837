"""Embedded domains: the same capital letters in other fonts, weights, slants and conditions.

No download. Legend: n drawings of a letter, H height, W width.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import matplotlib
import numpy as np

from metassl.data.domains.contents import described, said
from metassl.data.images.glyphs import DRAWINGS, STROKE, Face, affine_maps, jittered
from metassl.data.mixture.styles import STYLES
from metassl.data.pool import Contents
from metassl.data.preparing.progress import track
from metassl.errors import ConfigError, DataError, one_of
from metassl.schema.constructor import checked
from metassl.schema.ranges import Pixels, Seed, Words

KEY = "dataset.source.files.domains"
FAMILIES = MappingProxyType({"sans": "Sans", "mono": "SansMono", "serif": "Serif"})
SLANTED = MappingProxyType({"sans": "Oblique", "mono": "Oblique", "serif": "Italic"})
# Latin, then what of Greek and Cyrillic looks otherwise
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZΓΔΘΛΞΠΣΦΨΩБДЖИЦЧШЭЮЯ"
NOISE = 64.0  # standard deviation of what is added to each pixel, of 255
DOMAINS = (
    "sans", "serif_bold", "mono_oblique", "serif", "sans_inverted", "mono_bold_blurred",
    "serif_oblique_noisy", "sans_bold_pencil",
)  # fmt: skip

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""(pictures [n, H, W, 1] uint8, random numbers) -> pictures of the same shape."""


def noisy(pictures: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """With Gaussian noise on each pixel, cut off at 0 and 255."""
    return np.clip(np.rint(pictures + rng.normal(0, NOISE, pictures.shape)), 0, 255).astype(np.uint8)


CHANGES: Mapping[str, Change] = MappingProxyType({
    "inverted": lambda pictures, rng: STYLES["inverted"](pictures),
    "blurred": lambda pictures, rng: STYLES["blur"](pictures),
    "pencil": lambda pictures, rng: STYLES["pencil"](pictures),
    "noisy": noisy,
})  # fmt: skip
WORDS = ("bold", "oblique", *CHANGES)


@dataclass(frozen=True)
class Look:
    """What the letters of a domain look like.

    Attributes:
        face: file of the font.
        changes: names in CHANGES, one after the other.
    """

    face: str
    changes: tuple[str, ...]


def look_of(domain: str) -> Look:
    """The look that a name says: a family, then any of bold, oblique, inverted, blurred, pencil, noisy.

    Such as "serif_bold_noisy". Raises ConfigError for another word, or one twice.
    """
    family, *words = domain.split("_")
    if family not in FAMILIES:
        raise ConfigError(one_of(KEY, family, FAMILIES))
    for word in words:
        if word not in WORDS:
            raise ConfigError(one_of(f"{KEY}: '{domain}'", word, WORDS))
        if words.count(word) > 1:
            raise ConfigError(f"{KEY}: '{domain}': found '{word}' twice, allowed is each once.")
    style = ("Bold" if "bold" in words else "") + (SLANTED[family] if "oblique" in words else "")
    face = f"DejaVu{FAMILIES[family]}{'-' if style else ''}{style}.ttf"
    return Look(face, tuple(word for word in words if word in CHANGES))


class GlyphDomains:
    """Capital letters in several looks: 46 letters × 20 drawings in each domain.

    Items are [n, size, size, 1] uint8, ink 255 on 0 unless inverted. A domain is a font family, a weight, a
    slant and a condition. Each drawing has a stroke width and an affine jitter as of dataset=glyphs; a
    letter's drawings are jittered in another way in each domain.

    Args:
        domains: names, see `look_of`.
        size: height and width, pixels.
        seed: of jitter and noise.

    Raises:
        ConfigError: fewer than two domains, a word that there is not, or a domain twice.
    """

    name = "glyph_domains"

    @checked("dataset.source.files")
    def __init__(self, domains: Words = DOMAINS, size: Pixels = 28, seed: Seed = 0) -> None:
        self.looks = {domain: look_of(domain) for domain in domains}
        if len(self.looks) < max(2, len(domains)):
            why = "a domain twice" if len(domains) > 1 else "1 domain"
            raise ConfigError(f"{KEY}: found {why}, allowed are 2 or more different ones.")
        self.size, self.seed = size, seed
        self.folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"

    def fingerprint(self) -> Mapping[str, Any]:
        """The options and the fonts' sizes in bytes."""
        files = [self.folder / look.face for look in self.looks.values()]
        sizes = [file.stat().st_size for file in files if file.exists()]
        return {
            "version": 1, "domains": list(self.looks), "size": self.size, "seed": self.seed, "fonts": sizes,
            "letters": LETTERS,
        }  # fmt: skip

    def read(self) -> Contents:
        """Draws all letters. Raises DataError when matplotlib's fonts are not there."""
        domains = track(list(self.looks), self.name)
        cells = [self._drawings(domain, letter) for domain in domains for letter in LETTERS]
        names = [f"U+{ord(letter):04X}" for letter in LETTERS]
        meta = {"source": "DejaVu fonts 2.37", "said": said(dict.fromkeys(self.looks, names), names)}
        return described(np.concatenate(cells), [DRAWINGS] * len(cells), list(self.looks), names, meta)

    def _drawings(self, domain: str, letter: str) -> np.ndarray:
        """[DRAWINGS, size, size, 1] drawings of a letter, whatever the other domains are."""
        look = self.looks[domain]
        rng = np.random.default_rng([self.seed, ord(letter), *domain.encode()])
        face = _face(self.folder / look.face)
        bitmaps = [face.draw(letter, stroke) for stroke in (0, STROKE)]
        strokes = rng.integers(2, size=DRAWINGS)
        moved = [
            jittered(bitmaps[stroke], row, self.size)
            for stroke, row in zip(strokes, affine_maps(rng), strict=True)
        ]
        pictures = np.stack(moved)[..., None]
        for change in look.changes:
            pictures = CHANGES[change](pictures, rng)
        return pictures


@lru_cache(maxsize=16)
def _face(file: Path) -> Face:
    if not file.exists():
        raise DataError(f"'{file}' doesn't exist: install matplotlib anew.")
    return Face(file)
