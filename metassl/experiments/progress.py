"""How far a sweep is, from what its runs have logged, and how long the rest may take."""

import time
from collections.abc import Iterable
from pathlib import Path

from metassl.errors import UserError
from metassl.experiments.planned_runs import PlannedRun
from metassl.files import read_json
from metassl.outcomes.scores import score_named
from metassl.runs.config import load_config
from metassl.runs.file_names import CONFIG, CURVES, RESULTS
from metassl.runs.read import deciding_score


class Progress:
    """Says how each run of a sweep ended and how far the others are.

    The time left counts every run alike, one that is going on by the share of its steps.

    Args:
        runs: what is to be run.
        sweep: the folder of the sweep.
    """

    def __init__(self, runs: Iterable[PlannedRun], sweep: Path) -> None:
        self.sweep, self.left = sweep, list(runs)
        self.total, self.began = len(self.left), time.monotonic()
        self.before = sum(self._shares().values())  # done by an earlier call

    def ended(self, run: PlannedRun, value: float | None) -> None:
        """Says that one more run ended, and its score; a value of None means that it failed."""
        self.left.remove(run)
        said = "FAILED" if value is None else _said(self.sweep / run.name, value)
        print(f"{self._count()} {run.name}: {said}{self._rest()}", flush=True)

    def tell(self) -> None:
        """Says how far the runs are that have begun and not ended."""
        going = [f"{name} {100 * share:.0f} %" for name, share in self._shares().items() if share < 1]
        print(f"{self._count()} begun: {', '.join(going) or 'none yet'}{self._rest()}", flush=True)

    def _count(self) -> str:
        return f"[{self.total - len(self.left)}/{self.total}]"

    def _rest(self) -> str:
        done = self.total - len(self.left) + sum(self._shares().values()) - self.before
        if not self.left or done <= 0:
            return ""
        minutes = (time.monotonic() - self.began) / done * (self.total - self.before - done) / 60
        return f", about {minutes:.0f} min left"

    def _shares(self) -> dict[str, float]:
        """Name -> share of the steps that are logged, of the runs that have begun and not ended."""
        found = {run.name: _share(self.sweep / run.name) for run in self.left}
        return {name: share for name, share in found.items() if share > 0}


def _said(folder: Path, value: float) -> str:
    """A value of the score that decides the run in this folder, as people read it."""
    path = folder / RESULTS
    score = score_named(deciding_score(read_json(path)), path)
    return f"{score.factor * value:.1f} %" if score.percent else f"{score.name} {value:.3g}"


def _share(folder: Path) -> float:
    """0..1; 0 where nothing is logged yet."""
    try:
        last = (folder / CURVES).read_text(encoding="utf-8").rstrip().rsplit("\n", 1)[-1]
        steps = load_config(folder / CONFIG).trainer.steps
        return min((int(last.split(",")[0]) + 1) / steps, 1.0)
    except (OSError, ValueError, UserError):  # not begun, or no row yet
        return 0.0
