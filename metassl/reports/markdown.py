"""Cells and tables in Markdown."""

from collections.abc import Iterable, Sequence

NOTHING = "–"  # an empty cell


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The table of these rows; a bar or a line break in a cell doesn't end it."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_one_line, line)) + " |" for line in lines)


def distinct(values: Iterable[object]) -> str:
    """The distinct values, in order, with a slash between them: what to say where runs may differ."""
    return " / ".join(dict.fromkeys(NOTHING if value is None else str(value) for value in values)) or NOTHING


def _one_line(cell: str) -> str:
    return " ".join(cell.replace("|", "\\|").split())
