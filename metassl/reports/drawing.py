"""What all pictures share: figures without a display, room for names, and writing PNG files.

Matplotlib is imported inside the functions, so that importing this module costs nothing, and its
`Figure` is used directly: no pyplot, no global state, no display.
"""

from __future__ import annotations

from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from metassl.errors import printable
from metassl.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 150
BEST = "best on validation"
LEGEND = 2.1  # inches
LONGEST, MOST = 36, 12  # letters of a name, and names below one another


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches, whose parts keep clear of each other."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def wrapped(text: str, width: float, size: float = 10.0) -> str:
    """Text of a picture on as many lines as it needs, for a width in inches and letters of a size in points.

    No name in it is longer than a picture has room for.
    """
    words = (word if len(word) <= LONGEST else f"{word[: LONGEST - 1]}…" for word in printable(text).split())
    lines = wrap(" ".join(words), max(20, round(width * 72 / (0.55 * size))))
    return "\n".join(lines if len(lines) <= MOST else [*lines[: MOST - 1], "…"])


def label(text: str) -> str:
    """A name from a run, or lines of them, as a picture has room for."""
    lines = [printable(line) for line in text.split("\n")]
    lines = lines if len(lines) <= MOST else [*lines[: MOST - 1], "…"]
    return "\n".join(line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…" for line in lines)


def ring(ax: Axes, x: float, y: float) -> None:
    """A ring around a point: what was chosen on validation."""
    (mark,) = ax.plot(x, y, "o", color="black", label=BEST, fillstyle="none", linestyle="none")
    mark.set(markersize=14, markeredgewidth=1.6)


def save_png(figure: Figure, path: Path) -> None:
    """Writes the figure as a PNG file, whole or not at all."""
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    for text in figure.findobj(Text):
        text.set_parse_math(False)  # names come from runs: a dollar in one is a dollar
    figure.set_dpi(DPI)
    canvas.draw()
    # 256 colours are enough for lines and cells, and make the file a third as large.
    picture = (
        Image.fromarray(np.asarray(canvas.buffer_rgba()))
        .convert("RGB")
        .quantize(256, dither=Image.Dither.NONE)
    )
    # The format is named, because the temporary file's name doesn't end in .png.
    write_atomically(path, lambda temporary: picture.save(temporary, format="png", optimize=True))
