"""Says which runs of a sweep failed, why, and what they said last."""

from collections.abc import Sequence
from pathlib import Path

from metassl.errors import printable
from metassl.experiments.planned_runs import PlannedRun
from metassl.runs.file_names import SAID
from metassl.runs.status import read_status

LAST = 3  # lines


def tell_failed(failed: Sequence[PlannedRun], sweep: Path) -> None:
    """A line for each failed run, and below it the last ones of its output."""
    for run in failed:
        folder = sweep / run.name
        _, error = read_status(folder)
        print(f"failed: {run.name}: {error or 'no reason was left'}")
        last = [line for line in _said(folder) if error is None or error not in line][-LAST:]
        print("".join(f"    {line}\n" for line in last), end="")
        if last:
            print(f"    ({folder / SAID})")


def _said(folder: Path) -> list[str]:
    """What the run said, without empty lines."""
    if not (folder / SAID).is_file():
        return []
    text = (folder / SAID).read_text(encoding="utf-8", errors="replace")
    return [printable(line).rstrip() for line in text.splitlines() if line.strip()]
