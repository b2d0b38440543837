"""Writes the stored results into benchmarks/README.md, between its markers: python -m benchmarks.report."""

import json
import re
from pathlib import Path
from typing import Any

from benchmarks.tables import TABLES
from benchmarks.timing import RESULTS
from metassl.files import write_atomically

PAGE = Path(__file__).parent / "README.md"


def main() -> None:
    """Every marker whose results are stored."""
    page = PAGE.read_text()
    for name, table in TABLES.items():
        path = RESULTS / f"{name}.json"
        if path.exists():
            stored = json.loads(path.read_text())
            page = _between(page, name, _markdown(table(stored["rows"])) + "\n\n" + _about(stored["about"]))
    write_atomically(PAGE, lambda path: path.write_text(page))


def _between(page: str, name: str, text: str) -> str:
    pattern = re.compile(f"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    return pattern.sub(lambda match: f"{match[1]}{text}\n{match[2]}", page)


def _markdown(lines: list[list[str]]) -> str:
    head, *body = lines
    rows = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _about(about: dict[str, Any]) -> str:
    revision = (about["revision"] or "?")[:7] + (" with changes" if about["dirty"] else "")
    return f"`{about['command']}`, commit {revision}, {about['hardware']}, torch {about['torch']}."


if __name__ == "__main__":
    main()
