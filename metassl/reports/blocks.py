"""A report as the blocks that it consists of, written as Markdown and as an HTML page."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from metassl.errors import printable
from metassl.reports.markdown import Bold, bold, escaped, markdown_table, preformatted


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is the page's own."""

    kind: ClassVar[str] = "heading"
    text: str
    level: int = 2

    def markdown(self) -> str:
        """As Markdown."""
        return f"{'#' * self.level} {escaped(self.text)}"


@dataclass(frozen=True)
class Paragraph:
    """Text, after an opening that stands out."""

    kind: ClassVar[str] = "paragraph"
    text: str
    opening: str = ""

    def markdown(self) -> str:
        """As Markdown."""
        return f"{bold(self.opening)}{escaped(self.text)}" if self.opening else escaped(self.text)


@dataclass(frozen=True)
class Grid:
    """A table; a cell that is `Bold` stands out."""

    kind: ClassVar[str] = "grid"
    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """As Markdown."""
        return markdown_table(self.head, self.rows)


@dataclass(frozen=True)
class Picture:
    """A picture that lies beside the page."""

    kind: ClassVar[str] = "picture"
    text: str
    file: str

    def markdown(self) -> str:
        """As Markdown."""
        return f"![{escaped(self.text)}]({self.file})"


@dataclass(frozen=True)
class Lines:
    """Lines as they are."""

    kind: ClassVar[str] = "lines"
    text: str

    def markdown(self) -> str:
        """As Markdown."""
        return preformatted(self.text)


Block = Heading | Paragraph | Grid | Picture | Lines


def markdown_page(blocks: Sequence[Block]) -> str:
    """The Markdown of a page."""
    return "\n\n".join(block.markdown() for block in blocks) + "\n"


def html_page(title: str, blocks: Sequence[Block]) -> str:
    """The HTML of a page; what a block says is text there, whoever wrote it."""
    return _template().render(title=title, blocks=blocks)


def _seen(value: object) -> object:
    """Text without what a page would obey and not show, such as a change of the direction of writing."""
    plain = isinstance(value, str) and not isinstance(value, Markup)
    return "\n".join(map(printable, str(value).split("\n"))) if plain else value


@cache
def _template() -> Template:
    places = FileSystemLoader(Path(__file__).parent)
    pages = Environment(
        autoescape=True,
        loader=places,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        finalize=_seen,
    )
    pages.tests["bold"] = lambda cell: isinstance(cell, Bold)
    return pages.get_template("page.html")
