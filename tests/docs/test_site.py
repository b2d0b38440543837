"""The site is built without a fault from the pages as they are, and a fault stops it."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from metassl.docs import site
from metassl.docs.links import linked_files, page_files
from metassl.errors import UserError
from tests.conftest import ROOT

NEEDS = pytest.mark.skipif(
    find_spec("zensical") is None or find_spec("mkdocstrings") is None,
    reason="zensical or mkdocstrings is not installed: pip install -e '.[docs]'",
)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The pages, the package and what they link to, in a folder of their own."""
    site.gather(ROOT, tmp_path)
    for path in [ROOT / "zensical.toml", *sorted((ROOT / "metassl").rglob("*.py"))]:
        place = tmp_path / path.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.read_bytes())
    return tmp_path


@NEEDS
def test_the_site_is_built(copy: Path) -> None:
    first = site.build_site(copy)
    html = first.parent
    assert "what are my unlabelled" in first.read_text()
    for page in page_files(ROOT):
        name = "index.html" if page.name == "README.md" else f"{page.stem}.html"
        assert (html / page.relative_to(ROOT).parent / name).is_file(), page
    for path in linked_files(ROOT):
        assert (html / path.relative_to(ROOT)).is_file(), path
    reference = (html / "docs" / "reference" / "ssl.html").read_text()
    assert 'id="metassl.ssl.base.SSLObjective.penalty"' in reference
    assert "&gt;&gt;&gt;" not in re.sub(r"<pre.*?</pre>", "", reference, flags=re.S)


@NEEDS
def test_a_docstring_that_is_not_there_is_a_fault(copy: Path) -> None:
    (copy / "docs" / "reference" / "ssl.md").write_text("# Objectives\n\n::: metassl.ssl.nothing\n")
    with pytest.raises(UserError, match="faults"):
        site.build_site(copy)


def test_a_broken_link_is_a_fault(tmp_path: Path) -> None:
    for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md"):
        (tmp_path / name).write_text("[a](nowhere.md)")
    with pytest.raises(UserError, match=r"nowhere\.md is not there"):
        site.build_site(tmp_path)


def test_without_zensical_a_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md"):
        (tmp_path / name).write_text("text")
    monkeypatch.setattr(site, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install -e '.\[docs\]'"):
        site.build_site(tmp_path)


def test_every_page_is_in_the_navigation() -> None:
    nav = set(re.findall(r'= "([\w/.-]+\.md)"', (ROOT / "zensical.toml").read_text()))
    pages = {str(page.relative_to(ROOT)) for page in page_files(ROOT)}
    assert nav <= pages
    assert {page for page in pages - nav if "results/" not in page} == set()
