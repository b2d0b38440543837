"""What a cell of a table or a line of a list may be, beside plain text."""

from collections.abc import Sequence
from dataclasses import dataclass
from os.path import relpath
from pathlib import Path
from typing import ClassVar, Literal
from urllib.parse import quote

from metassl.reports.markdown import Bold, Markdown, in_markdown, link

Tone = Literal["good", "bad", "unsure"]


@dataclass(frozen=True)
class Toned:
    """A verdict: its words say it, and on a page its colour as well."""

    kind: ClassVar[str] = "toned"
    text: str
    tone: Tone

    def markdown(self) -> Markdown:
        """The words."""
        return in_markdown(self.text)


@dataclass(frozen=True)
class Link:
    """Text that leads to a file or folder; `target` is relative to the page, as `to` makes it."""

    kind: ClassVar[str] = "link"
    text: str
    target: str

    @classmethod
    def to(cls, place: Path, text: str, page: Path) -> "Link":
        """A link to a place from a page in the folder `page`."""
        # Every letter that an address could obey is quoted: no name becomes another scheme or a host.
        return cls(text, quote("./" + Path(relpath(place, page)).as_posix()))

    def markdown(self) -> Markdown:
        """As Markdown."""
        return link(self.text, self.target)


@dataclass(frozen=True)
class Code:
    """A command, to be copied."""

    kind: ClassVar[str] = "code"
    text: str

    def markdown(self) -> Markdown:
        """The plain words, for what stands between backticks in a table is not safe from its bars."""
        return in_markdown(self.text)


@dataclass(frozen=True)
class Parts:
    """Several cells in one: after one another, or below one another."""

    kind: ClassVar[str] = "parts"
    parts: "Sequence[Cell]"
    below: bool = False

    def markdown(self) -> Markdown:
        """As Markdown."""
        return Markdown(("<br>" if self.below else " ").join(map(in_markdown, self.parts)))


Cell = str | Bold | Toned | Link | Code | Parts
