"""What a docstring says first, and which paper it names."""

import re

ENDS = re.compile(r"(?<!\bal)(?<!\beq)(?<!\bcf)(?<!e\.g)(?<!i\.e)\.(?=\s|$)")
SOURCE = re.compile(r"\bSource: (.*?)(?=\n\s*\n|\n\s*\w+:\n|\Z)", re.S)
DIFFERS = re.compile(r"\bDiffers from the paper: (.*?)(?=\n\s*\n|\n\s*\w+:\n|\Z)", re.S)
YEAR = re.compile(r"\b(19|20)\d\d[a-z]?\b")


def first_sentence(text: str) -> str:
    """The first sentence of a text, on one line; the whole first paragraph where no full stop ends one."""
    paragraph = " ".join(text.strip().split("\n\n")[0].split())
    end = ENDS.search(paragraph)
    return paragraph[: end.end()] if end else paragraph


def source(docstring: str) -> str:
    """The paper that a docstring names behind "Source:", without its remarks; empty where there is none."""
    found = SOURCE.search(docstring)
    return first_sentence(found[1]) if found else ""


def difference(docstring: str) -> str:
    """What a docstring says behind "Differs from the paper:", on one line; empty where it says nothing."""
    found = DIFFERS.search(docstring)
    return " ".join(found[1].split()) if found else ""


def names_a_paper(text: str) -> bool:
    """Whether a text has a year in it, as every reference to a paper does."""
    return YEAR.search(text) is not None
