"""The site: all pages of the repository, with what they link to, as HTML.

The pages link to each other as they lie in the repository. Zensical wants one folder with nothing else in it,
so they are copied into one as they lie, and every relative link stays what it is.
"""

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from metassl.docs.links import broken_links, linked_files, page_files
from metassl.errors import UserError

PAGES = "site/pages"  # as zensical.toml has it
HTML = "site/html"
STYLES = "docs/assets/site.css"


def build_site(root: Path) -> Path:
    """Builds the site; its first page.

    Raises:
        UserError: a link leads nowhere, a docstring that a page asks for isn't there, or Zensical is missing.
    """
    broken = broken_links(root)
    if broken:
        raise UserError("links that lead nowhere: " + " ".join(broken))
    if find_spec("zensical") is None or find_spec("mkdocstrings") is None:
        raise UserError("the site needs zensical and mkdocstrings: pip install -e '.[docs]'.")
    gather(root, root / PAGES)
    done = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict", "--clean"], cwd=root, check=False
    )
    if done.returncode:
        raise UserError("the site has faults: see the warnings above.")
    return root / HTML / "index.html"


def gather(root: Path, folder: Path) -> None:
    """Copies the pages and the files that they link to into an empty folder, each at its own place."""
    if folder.exists():
        shutil.rmtree(folder)
    for path in [*page_files(root), *sorted(linked_files(root)), root / STYLES]:
        place = folder / path.resolve().relative_to(root.resolve())
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
