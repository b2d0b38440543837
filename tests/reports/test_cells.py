"""Cells: what a name could do in a page, and what it does: nothing."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown import markdown

from metassl.reports.blocks import Bullets, Folded, Grid, Heading, Paragraph
from metassl.reports.cells import Code, Link, Parts, Toned
from metassl.reports.markdown import Bold
from metassl.reports.pages import html_page, markdown_page

EVIL = [
    "<script>alert(1)</script>",
    "a](javascript:alert(1))",
    '"><img src=x onerror=alert(1)>',
    "a\\](x) [b] | c",
]


class Found(HTMLParser):
    """The text of a page's table, and where its links lead."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.links = "", []
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not any(name.startswith("on") for name, _ in attrs)
        self.links += [value for name, value in attrs if tag == "a" and name == "href"]


@pytest.mark.parametrize("evil", EVIL)
def test_every_kind_of_cell_is_text(evil: str, tmp_path: Path) -> None:
    """On the page and in Markdown the name is read as it is, and the link leads below the folder."""
    cells = [evil, Bold(evil), Toned(evil, "bad"), Code(evil), Parts([Bold(evil), evil], below=True)]
    link = Link.to(tmp_path / evil, evil, tmp_path)
    blocks = [
        Heading(evil, 1),
        Paragraph(evil, evil),
        Bullets([evil, link]),
        Grid(["x"] * 6, [[*cells, link]]),
    ]
    blocks = [*blocks, Folded(evil, blocks)]
    page = Found(html_page(evil, blocks, tmp_path))
    text = Found(markdown(markdown_page(blocks), extensions=["tables"]))
    for found in (page, text):
        assert found.links == [link.target] * 4
        assert found.text.count(evil) >= 20
    assert link.target.startswith("./")
    assert not set(link.target) & set("<>:()[]\"' |")
