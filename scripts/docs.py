"""Writes the pages of docs/ that are made from what is there, and builds the site.

    python scripts/docs.py          # or: make docs
    python scripts/docs.py pages    # the pages alone

Says which pages have changed, and where the site is. Exit code 2 where a link leads nowhere.
"""

import sys
from pathlib import Path

from metassl.docs.pages import write_pages
from metassl.docs.site import build_site
from metassl.errors import UserError

if __name__ == "__main__":
    if any(word in ("--help", "-h") for word in sys.argv[1:]):
        print(__doc__.strip())
        sys.exit()
    root = Path(__file__).resolve().parent.parent
    try:
        changed = write_pages(root)
        print("\n".join(f"changed: {path.relative_to(root)}" for path in changed) or "no page has changed")
        if sys.argv[1:] != ["pages"]:
            print(f"site: {build_site(root).relative_to(root)}")
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
