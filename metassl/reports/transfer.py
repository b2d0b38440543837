"""How distances between tasks agree with the real transfer, as a table and as a record."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from math import isnan
from typing import Any

from metassl.evaluation.intervals import Interval
from metassl.evaluation.transfer import Agreement


@dataclass(frozen=True)
class TransferReport:
    """What was measured on a run.

    Attributes:
        tasks: number of test tasks.
        stored: number of stored tasks.
        distance: the run's own.
        gains: name of a choice of the start -> gain in cross-entropy.
        distances: name -> how it agrees with the gains.
        oracles: names of the distances that read the query labels.
    """

    tasks: int
    stored: int
    distance: str
    gains: Mapping[str, Interval]
    distances: Mapping[str, Agreement]
    oracles: Collection[str]

    def record(self) -> dict[str, Any]:
        """The content of transfer.json."""
        parts = {"gains": self.gains, "distances": {name: asdict(v) for name, v in self.distances.items()}}
        about = {"tasks": self.tasks, "stored": self.stored, "distance": self.distance}
        return {**about, **_plain(parts)}

    def table(self) -> str:
        """The same as text."""
        lines = [
            f"{self.tasks} test tasks, {self.stored} stored tasks of a run with "
            f"distance={self.distance}; mean ± 95% CI (t) over the test tasks",
            f"{'start':<14}{'rank correlation of -d and gain':<34}gain in cross-entropy",
        ]
        for name, value in self.distances.items():
            note = "  NO METHOD: reads the QUERY LABELS" if name in self.oracles else ""
            lines.append(f"{name:<14}{_show(value.correlation):<34}{_show(value.nearest)}{note}")
        return "\n".join([*lines, *(f"{name:<48}{_show(gain)}" for name, gain in self.gains.items())])


def _show(interval: Interval) -> str:
    if isnan(interval.mean):
        return "n/a"
    return f"{interval.mean:+.3f} ± {interval.half_width:.3f}"


def _plain(content: Any) -> Any:
    """Ready for JSON, which knows no nan."""
    if isinstance(content, Interval):
        return _plain(asdict(content))
    if isinstance(content, dict):
        return {key: _plain(value) for key, value in content.items()}
    return None if isinstance(content, float) and isnan(content) else content
