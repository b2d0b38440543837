"""What all pictures share: figures without a display, colours, and writing PNG files.

Matplotlib is imported inside the functions, so that importing this module costs nothing, and its
`Figure` is used directly: no pyplot, no global state, no display.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from metassl.errors import printable
from metassl.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 150
LONGEST, MOST = 36, 12  # letters of a name, and names below one another

# Okabe and Ito's colours, which stay apart under every common colour blindness; yellow is left out
# because it vanishes on white. Line styles take over after the seventh.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")
STYLES = ("-", "--", ":", "-.")


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches, whose parts keep clear of each other."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def line_look(index: int) -> tuple[str, str]:
    """(colour, line style) of the line with this number; 28 lines differ."""
    return COLOURS[index % len(COLOURS)], STYLES[index // len(COLOURS) % len(STYLES)]


def label(text: str) -> str:
    """A name from a run, or lines of them, as a picture has room for."""
    lines = [printable(line) for line in text.split("\n")]
    lines = lines if len(lines) <= MOST else [*lines[: MOST - 1], "…"]
    return "\n".join(line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…" for line in lines)


def save_png(figure: Figure, path: Path) -> None:
    """Writes the figure as a PNG file, whole or not at all."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    FigureCanvasAgg(figure)
    for text in figure.findobj(Text):
        text.set_parse_math(False)  # names come from runs: a dollar in one is a dollar
    # The format is named, because the temporary file's name doesn't end in .png.
    write_atomically(path, lambda temporary: figure.savefig(temporary, format="png", dpi=DPI))
