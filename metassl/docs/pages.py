"""All pages that are written from what is there, and where they stand."""

from functools import partial
from pathlib import Path

from metassl.docs.methods import methods_page
from metassl.docs.refused import KINDS, refusals, refused_page
from metassl.files import write_atomically


def pages(root: Path) -> dict[Path, str]:
    """File -> its text as it is to be now; half a minute, since every pair is built."""
    conf, docs = root / "conf", root / "docs"
    found = {kind.heading: refusals(conf, kind) for kind in KINDS}
    return {docs / "methods.md": methods_page(conf), docs / "refused.md": refused_page(conf, found)}


def write_pages(root: Path) -> list[Path]:
    """Writes the pages; the files that have changed."""
    changed = []
    for path, text in pages(root).items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(exist_ok=True)
            write_atomically(path, partial(_write, text))
            changed.append(path)
    return changed


def _write(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")
