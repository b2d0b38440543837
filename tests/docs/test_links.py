"""Links of the pages lead somewhere, and the check of them finds those that don't."""

from pathlib import Path

import pytest

from metassl.docs.links import broken_links, headings, linked_files, targets
from metassl.docs.site import gather
from tests.conftest import ROOT


def test_every_link_leads_somewhere() -> None:
    assert broken_links(ROOT) == []


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A repository of a few pages."""
    for name in (
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "docs/one.md",
        "docs/assets/site.css",
        "m/code.py",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("# A head, with `code` (and more)\n")
    (tmp_path / "benchmarks").mkdir()
    return tmp_path


@pytest.mark.parametrize(("text", "line"), [
    ("[a](docs/one.md) [b](docs/one.md#a-head-with-code-and-more) [c](https://example.com/x)", None),
    ('<img src="docs/one.md"> ![p](docs/one.md "title")', None),
    ("`[a](nowhere.md)`\n```text\n[a](nowhere.md)\n```\n", None),
    ("[a](nowhere.md)", "nowhere.md is not there"),
    ('<img src="nowhere.svg">', "nowhere.svg is not there"),
    ("[two\nlines](nowhere.md)", "nowhere.md is not there"),
    ("[a](docs/one.md#no-head)", "docs/one.md#no-head: the page has no such heading"),
    ("[a](#no-head)", "#no-head: the page has no such heading"),
    ("[a](docs)", "docs is a folder"),
])  # fmt: skip
def test_what_leads_nowhere_is_found(small: Path, text: str, line: str | None) -> None:
    (small / "README.md").write_text(text)
    found = broken_links(small)
    assert len(found) == (line is not None)
    if line is not None:
        assert found[0].startswith(f"README.md: {line}")


def test_the_site_gets_the_pages_and_what_they_link_to(small: Path) -> None:
    (small / "docs" / "one.md").write_text("[code](../m/code.py)")
    (small / "m" / "other.py").write_text("")
    assert linked_files(small) == {(small / "m" / "code.py").resolve()}
    gather(small, small / "site" / "pages")
    found = {str(path.relative_to(small / "site" / "pages")) for path in (small / "site").rglob("*.*")}
    assert found >= {
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "docs/one.md",
        "docs/assets/site.css",
        "m/code.py",
    }
    assert "m/other.py" not in found


def test_headings_in_blocks_of_code_are_none() -> None:
    assert headings("# One\n```bash\n# two\n```\n## [Three](x.md) `four`\n") == {"one", "three-four"}
    assert targets("[a](b.md)\n````text\n```\n[c](d.md)\n````\n[e](f.md)") == ["b.md", "f.md"]
