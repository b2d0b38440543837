"""A report as the blocks that it consists of, and how each stands in Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from metassl.reports.cells import Cell
from metassl.reports.markdown import bold, escaped, in_markdown, link, markdown_table, preformatted


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
        blank = " " if self.opening.endswith(" ") else ""  # which would not end what is bold
        return f"{bold(self.opening)}{blank}{escaped(self.text)}" if self.opening else escaped(self.text)


@dataclass(frozen=True)
class Bullets:
    """A list, a line each."""

    kind: ClassVar[str] = "bullets"
    items: Sequence[Cell]

    def markdown(self) -> str:
        """As Markdown."""
        return "\n".join(f"* {in_markdown(item)}" for item in self.items)


@dataclass(frozen=True)
class Grid:
    """A table, whose columns can be sorted on a page; a cell that is `Bold` stands out."""

    kind: ClassVar[str] = "grid"
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    def markdown(self) -> str:
        """As Markdown."""
        return markdown_table(self.head, self.rows)


@dataclass(frozen=True)
class Picture:
    """A picture that lies beside the page; in the HTML page it is inside. `text` says what it shows."""

    kind: ClassVar[str] = "picture"
    text: str
    file: str

    def markdown(self) -> str:
        """As Markdown."""
        return f"!{link(self.text, self.file)}"


@dataclass(frozen=True)
class Thumbnail:
    """A small picture with a few words.

    Attributes:
        png: the content of a PNG file.
        text: lines under it, the first of which stands out.
    """

    png: bytes
    text: Sequence[str]


@dataclass(frozen=True)
class Gallery:
    """Many small pictures, in their order, which are only on the page."""

    kind: ClassVar[str] = "gallery"
    items: Sequence[Thumbnail]

    def markdown(self) -> str:
        """As Markdown: the words."""
        return "\n".join(f"* {escaped(', '.join(item.text))}" for item in self.items)


@dataclass(frozen=True)
class Lines:
    """Lines as they are."""

    kind: ClassVar[str] = "lines"
    text: str

    def markdown(self) -> str:
        """As Markdown."""
        return preformatted(self.text)


@dataclass(frozen=True)
class Folded:
    """Blocks that a page shows when they are asked for, under the line that asks."""

    kind: ClassVar[str] = "folded"
    text: str
    blocks: "Sequence[Block]"

    def markdown(self) -> str:
        """As Markdown, which folds nothing."""
        return "\n\n".join([Heading(self.text).markdown(), *(block.markdown() for block in self.blocks)])


Block = Heading | Paragraph | Bullets | Grid | Picture | Gallery | Lines | Folded
