"""Writes the pages of docs/ that are made from what is there: the methods, and the pairs that are refused.

    python scripts/docs.py    # or: make docs

Says which pages have changed.
"""

import sys
from pathlib import Path

from metassl.docs.pages import write_pages
from metassl.errors import UserError

if __name__ == "__main__":
    root = Path(__file__).parent.parent
    try:
        changed = write_pages(root)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    print("\n".join(f"changed: {path.relative_to(root)}" for path in changed) or "nothing has changed")
