"""Cells and tables in Markdown, in which a name from somebody else's run is text and nothing more."""

import re
from collections.abc import Iterable, Sequence

from metassl.errors import printable

NOTHING = "–"  # an empty cell
# What would begin code, emphasis or a tag; an underscore inside a word and a lone bracket are harmless.
ACTIVE = re.compile(r"[\\`*~|]|(?<![^\W_])_|_(?![^\W_])|\](?=[(\[:])")
TAGS = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class Markdown(str):
    """Text that is Markdown already, made of our own words and of what `escaped` gave."""

    __slots__ = ()


class Bold(str):
    """A plain cell that stands out."""

    __slots__ = ()


def escaped(text: object) -> Markdown:
    """The text on one line, as a page shows it: nothing in it is a tag, a link, a picture or code."""
    return Markdown(ACTIVE.sub(r"\\\g<0>", one_line(text)).translate(TAGS))


def bold(text: object) -> Markdown:
    """The text, which stands out."""
    return Markdown(f"**{escaped(text)}**")


def one_line(text: object) -> str:
    """The text without line breaks and without characters that are not seen but do something."""
    return " ".join(printable(str(text)).split())


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Markdown:
    """The table of these rows; a cell that is no `Markdown` is escaped."""
    lines = [head, [Markdown("---")] * len(head), *rows]
    return Markdown("\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines))


def preformatted(text: str) -> Markdown:
    """Lines as they are; the fence is longer than any in them."""
    ticks = max((len(found) for found in re.findall("`+", text)), default=0)
    fence = "`" * max(3, ticks + 1)
    return Markdown(f"{fence}\n{text}\n{fence}")


def distinct(values: Iterable[object]) -> str:
    """The distinct values, in order, with a slash between them: what to say where runs may differ."""
    return " / ".join(dict.fromkeys(NOTHING if value is None else str(value) for value in values)) or NOTHING


def _cell(cell: str) -> str:
    """A bar or a line break in a cell doesn't end it."""
    if isinstance(cell, Markdown):
        return " ".join(re.sub(r"(?<!\\)\|", r"\\|", cell).split())
    return bold(cell) if isinstance(cell, Bold) else escaped(cell)
