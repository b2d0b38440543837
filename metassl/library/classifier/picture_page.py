"""A page of the pictures that were labelled, the least certain first, for a person to look through."""

from io import BytesIO
from pathlib import Path

from PIL import Image, ImageOps

from metassl.data.images.pictures import decode
from metassl.library.classifier.labelling import Labelling
from metassl.reports.blocks import Block, Gallery, Heading, Lines, Paragraph, Thumbnail
from metassl.reports.pages import html_page

SIDE = 112  # pixels of a thumbnail
MOST = 600  # pictures on a page
TITLE = "Labels"


def picture_page(labelling: Labelling, folder: Path) -> str:
    """One HTML file with everything inside: what was found, and thumbnails with label and probability."""
    order = labelling.rows.sort_values("probability", kind="stable").head(MOST)
    more = len(labelling.rows) - len(order)
    blocks: list[Block] = [
        Heading(TITLE, 1),
        Lines(str(labelling)),
        Paragraph(
            "The least certain come first: these are worth a look, and a label of yours worth most."
            + (f" {more} more certain ones are left out." if more else "")
        ),
        Gallery([_thumbnail(folder, **row) for row in order.to_dict("records")]),
    ]
    return html_page(TITLE, blocks, folder)


def _thumbnail(
    folder: Path, file: str, label: str, probability: float, second: str, second_probability: float
) -> Thumbnail:
    lines = [f"{label} {probability:.2f}", f"{second} {second_probability:.2f}", file]
    return Thumbnail(small_png(folder / file, SIDE), lines)


def small_png(file: Path, side: int) -> bytes:
    """A picture file as a PNG of at most so many pixels a side."""
    small = ImageOps.contain(decode(file, "RGB", f"'{file}'"), (side, side), Image.Resampling.LANCZOS)
    content = BytesIO()
    small.save(content, "PNG")
    return content.getvalue()
