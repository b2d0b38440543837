"""Writes blocks as two files that say the same: Markdown, and one HTML page that needs nothing else."""

from base64 import b64encode
from collections.abc import Sequence
from functools import cache, partial
from hashlib import sha256
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from metassl.errors import printable
from metassl.files import write_atomically
from metassl.reports.blocks import Block
from metassl.reports.markdown import Bold

PARTS = Path(__file__).parent / "page"


def write_page(title: str, blocks: Sequence[Block], folder: Path, name: str = "report") -> list[Path]:
    """Writes name.md and name.html into a folder that has the pictures; their paths."""
    written = {f"{name}.md": markdown_page(blocks), f"{name}.html": html_page(title, blocks, folder)}
    for file, text in written.items():
        write_atomically(folder / file, partial(Path.write_text, data=text, encoding="utf-8"))
    return [folder / file for file in written]


def markdown_page(blocks: Sequence[Block]) -> str:
    """The Markdown of a page."""
    return "\n\n".join(block.markdown().strip() for block in blocks) + "\n"


def html_page(title: str, blocks: Sequence[Block], folder: Path) -> str:
    """The HTML of a page; what a block says is text there, whoever wrote it.

    Its pictures are inside, and its policy allows no address and no script but its own.

    Args:
        title: of the page.
        blocks: of the page.
        folder: where its pictures lie.
    """
    script, style = ((PARTS / name).read_text(encoding="utf-8") for name in ("page.js", "page.css"))
    return _template().render(
        title=title,
        blocks=blocks,
        style=Markup(style),
        script=Markup(script),
        allowed=b64encode(sha256(script.encode()).digest()).decode(),
        inside=partial(_inside, folder),
        address=_address,
    )


def is_png(path: Path) -> bool:
    """Whether a file begins as a PNG file does."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(8) == b"\x89PNG\r\n\x1a\n"


def _inside(folder: Path, file: str) -> str:
    """A PNG file as an address that holds it."""
    return _address((folder / file).read_bytes())


def _address(png: bytes) -> str:
    return f"data:image/png;base64,{b64encode(png).decode()}"


def _seen(value: object) -> object:
    """Text without what a page would obey and not show, such as a change of the direction of writing."""
    plain = isinstance(value, str) and not isinstance(value, Markup)
    return "\n".join(map(printable, str(value).split("\n"))) if plain else value


@cache
def _template() -> Template:
    pages = Environment(
        autoescape=True,
        loader=FileSystemLoader(PARTS),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_seen,
    )
    pages.tests["bold"] = lambda cell: isinstance(cell, Bold)
    return pages.get_template("page.html")
