"""The line for a network that nobody knows."""

from collections.abc import Iterable
from difflib import get_close_matches


def unknown_model(key: str, found: str, known: Iterable[str], where: str) -> str:
    """What was found, the nearest names, and what lists all of them: they are too many for a line."""
    near = [f"'{name}'" for name in get_close_matches(found, list(known), n=3, cutoff=0.5)]
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    return f"{key}: found '{found}'.{hint} Allowed are the names of {where}."
