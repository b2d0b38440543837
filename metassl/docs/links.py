"""Links between the pages of the repository: where they lead, and which lead nowhere.

A link to a page, a heading or a file of the repository is looked at; one to the web is not.
"""

import re
from collections.abc import Iterator
from pathlib import Path

FRONT = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")
FOLDERS = ("docs", "benchmarks", "metassl/models")
FENCE = re.compile(r"^(`{3,}).*?^\1[^\n]*$", re.M | re.S)
CODE = re.compile(r"`[^`\n]+`")
TARGET = re.compile(r"\]\(\s*<?([^)\s>]+)>?[^)]*\)|\b(?:src|href|srcset)=\"([^\"]+)\"")
HEADING = re.compile(r"^#+ +(.*?) *$", re.M)
ELSEWHERE = re.compile(r"[a-z]+:")


def page_files(root: Path) -> list[Path]:
    """Every page of a checkout: the front pages, and what is in the folders of pages."""
    found = [path for folder in FOLDERS for path in sorted((root / folder).rglob("*.md"))]
    return [*(root / name for name in FRONT), *found]


def targets(text: str) -> list[str]:
    """What a page links to within the repository, pictures too; code is left out."""
    prose = CODE.sub("code", FENCE.sub("", text))
    found = [first or second for first, second in TARGET.findall(prose)]
    return [target for target in found if not ELSEWHERE.match(target)]


def headings(text: str) -> set[str]:
    """The anchors that a page's headings have: small letters, hyphens for spaces, no other signs."""
    titles = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title) for title in HEADING.findall(FENCE.sub("", text))]
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def linked_files(root: Path) -> set[Path]:
    """Every file that a page links to and that is no page."""
    pages = page_files(root)
    found = {_place(page, target) for page in pages for target in targets(_read(page))}
    return {path for path in found if path.is_file()} - {page.resolve() for page in pages}


def broken_links(root: Path) -> list[str]:
    """A line for each link that leads nowhere."""
    pages = page_files(root)
    return [f"{page.relative_to(root)}: {line}" for page in pages for line in _broken(page)]


def _broken(page: Path) -> Iterator[str]:
    for target in targets(_read(page)):
        path, heading = _place(page, target), target.partition("#")[2]
        if path.is_dir():
            yield f"{target} is a folder; a page can link to a file."
        elif not path.is_file():
            yield f"{target} is not there."
        elif heading and path.suffix == ".md" and heading not in headings(_read(path)):
            yield f"{target}: the page has no such heading."


def _place(page: Path, target: str) -> Path:
    name = target.partition("#")[0]
    return ((page.parent / name) if name else page).resolve()


def _read(page: Path) -> str:
    return page.read_text(encoding="utf-8")
