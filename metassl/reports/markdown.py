"""Cells and tables in Markdown, in which a name from somebody else's run is text and nothing more."""

import re
from collections.abc import Iterable, Sequence
from typing import Protocol

from metassl.errors import printable

NOTHING = "–"  # an empty cell
# What would begin code, emphasis or a tag; an underscore inside a word and a lone bracket are harmless.
ACTIVE = re.compile(r"[\\`*~|]|(?<![^\W_])_|_(?![^\W_])|\](?=[(\[:])")
BRACKET = re.compile(r"((?:\\\\)*)\\?([\[\]])")  # with what escapes it, and whole pairs of backslashes before
TAGS = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class Markdown(str):
    """Text that is Markdown already, made of our own words and of what `escaped` gave."""

    __slots__ = ()


class Bold(str):
    """A plain cell that stands out."""

    __slots__ = ()


class Shown(Protocol):
    """What is no text and says itself how it stands in Markdown."""

    def markdown(self) -> Markdown:
        """On one line."""
        ...


def escaped(text: object) -> Markdown:
    """The text on one line, as a page shows it: nothing in it is a tag, a link, a picture or code."""
    return Markdown(ACTIVE.sub(r"\\\g<0>", one_line(text)).translate(TAGS))


def bold(text: object) -> Markdown:
    """The text, which stands out."""
    return Markdown(f"**{escaped(text)}**")


def one_line(text: object) -> str:
    """The text without line breaks and without characters that are not seen but do something."""
    return " ".join(printable(str(text)).split())


def link(text: str, target: str) -> Markdown:
    """Text that leads to an address, which the caller has quoted; no bracket in the text ends it."""
    plain = BRACKET.sub(lambda found: f"{found[1]}&#{ord(found[2])};", escaped(text))
    return Markdown(f"[{plain}]({target})")


def markdown_table(head: Sequence[str | Shown], rows: Iterable[Sequence[str | Shown]]) -> Markdown:
    """The table of these rows; a cell that is no `Markdown` is escaped."""
    lines = [head, [Markdown("---")] * len(head), *rows]
    return Markdown("\n".join("| " + " | ".join(map(in_markdown, line)) + " |" for line in lines))


def preformatted(text: str) -> Markdown:
    """Lines as they are; the fence is longer than any in them."""
    ticks = max((len(found) for found in re.findall("`+", text)), default=0)
    fence = "`" * max(3, ticks + 1)
    return Markdown(f"{fence}\n{text}\n{fence}")


def distinct(values: Iterable[object]) -> str:
    """The distinct values, in order, with a slash between them: what to say where runs may differ."""
    return " / ".join(dict.fromkeys(NOTHING if value is None else str(value) for value in values)) or NOTHING


def in_markdown(cell: str | Shown) -> Markdown:
    """A cell on one line; a bar or a line break in it doesn't end it."""
    if isinstance(cell, Bold):
        return bold(cell)
    if not isinstance(cell, str):
        cell = cell.markdown()
    if isinstance(cell, Markdown):
        return Markdown(" ".join(re.sub(r"(?<!\\)\|", r"\\|", cell).split()))
    return escaped(cell)
