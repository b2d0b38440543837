"""Tables in Markdown."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; cells are Markdown themselves, on one line each."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines) + "\n"


def prose(text: str) -> str:
    """Text whose angle brackets stay what they are and become no HTML."""
    return text.replace("<", "&lt;").replace(">", "&gt;")


def code(text: str) -> str:
    """Text in the type of code."""
    return f"`{text}`"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
