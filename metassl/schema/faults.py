"""The one line that a wrong value or key is answered with."""

from collections.abc import Iterable
from typing import Any

from metassl.errors import one_of
from metassl.schema.hints import Hint, allowed, choices, fits, of_each
from metassl.schema.plain import below

LONGEST = 60  # characters of a value that are shown


def fault(key: str, value: Any, hint: Hint) -> str | None:
    """Why a value is none of its type: the key, what was found, what is allowed; None where it fits."""
    if fits(value, hint):
        return None
    if isinstance(value, dict) and (each := of_each(hint)) is not None:
        lines = (fault(below(key, name), inner, each) for name, inner in value.items())
        return next((line for line in lines if line is not None), None)
    if isinstance(value, str) and choices(hint):
        return one_of(key, value, choices(hint))
    return f"{key}: found {shown(value)}, allowed is {allowed(hint, value)}."


def unknown(key: str, known: Iterable[str]) -> str:
    """The line for a key that nothing reads, with its nearest neighbour."""
    above, _, _ = key.rpartition(".")
    return one_of(f"key {key}", key, [f"{above}.{name}" if above else name for name in known])


def shown(value: Any) -> str:
    """A value as the config has it, not longer than a line has room for."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # Python writes no whole number of thousands of digits
        return "a number of thousands of digits"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
