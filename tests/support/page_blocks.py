"""The blocks of code on the pages, and the commands in them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "benchmarks" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
FENCE = re.compile(r'^( *)```(\w*)(?: title="([^"]+)")?\n(.*?)^\1```$', re.M | re.S)
INLINE = re.compile(r"`(metassl [a-z][^`…]* [^`…]*=[^`…]*)`")


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        page: the file that it is on.
        line: of its first line there.
        language: as its fence says; empty where it says nothing.
        title: the file that it is, where it is one.
        text: what is in it.
    """

    page: Path
    line: int
    language: str
    title: str
    text: str

    @property
    def name(self) -> str:
        """Where it is, for a test's name."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """The blocks of a page in their order."""
    text = page.read_text()
    return [
        Block(page, text.count("\n", 0, found.start()) + 2, found[2], found[3] or "", found[4])
        for found in FENCE.finditer(text)
    ]


def commands(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Where each command of a page is, and its words: those in blocks, and those of metassl in the text."""
    for block in blocks(page):
        if block.language == "bash":
            for line in block.text.replace("\\\n", " ").splitlines():
                if words := shlex.split(line, comments=True):
                    yield block.name, words
    text = FENCE.sub("", page.read_text())
    for found in INLINE.finditer(text):
        yield f"{page.relative_to(ROOT)}:text", shlex.split(found[1])


def write_files(page: Path, folder: Path) -> list[Path]:
    """Writes the blocks of a page that are files into a folder, as they stand; the files."""
    written = []
    for block in blocks(page):
        if block.title:
            path = folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
            written.append(path)
    return written
