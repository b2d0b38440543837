"""How distances between tasks agree with the real transfer: a table, a record and a picture.

Legend: T test tasks, M stored tasks or starts.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np

from metassl.evaluation.intervals import Interval
from metassl.evaluation.transfer import Agreement
from metassl.reports.blocks import Block, Grid, Heading, Paragraph, Picture
from metassl.reports.cells import Cell, Toned
from metassl.reports.drawing import new_figure, save_png
from metassl.reports.looks import numbered_look
from metassl.reports.pages import write_page

TINY = 1e-12


@dataclass(frozen=True)
class TransferReport:
    """What was measured on a run.

    Attributes:
        tasks: number of test tasks.
        stored: number of stored tasks or of starts.
        kind: what they are, in the plural.
        distance: the run's own.
        gains: name of a choice of the start -> gain in the loss of the queries, the cross-entropy of classes
            or the squared error of values.
        distances: name -> how it agrees with the gains.
        oracles: names of the distances that read the query labels.
    """

    tasks: int
    stored: int
    kind: str
    distance: str
    gains: Mapping[str, Interval]
    distances: Mapping[str, Agreement]
    oracles: Collection[str]

    def record(self) -> dict[str, Any]:
        """The content of transfer.json."""
        parts = {"gains": self.gains, "distances": {name: asdict(v) for name, v in self.distances.items()}}
        about = {"tasks": self.tasks, "stored": self.stored, "kind": self.kind, "distance": self.distance}
        return {**about, **_plain(parts)}

    def table(self) -> str:
        """The same as text."""
        lines = [
            f"{self.tasks} test tasks, {self.stored} {self.kind} of a run with "
            f"distance={self.distance}; mean ± 95% CI (t) over the test tasks",
            f"{'start':<14}{'rank correlation of -d and gain':<34}gain in the loss of the queries",
        ]
        for name, value in self.distances.items():
            note = "  NO METHOD: reads the QUERY LABELS" if name in self.oracles else ""
            lines.append(f"{name:<14}{_show(value.correlation):<34}{_show(value.nearest)}{note}")
        return "\n".join([*lines, *(f"{name:<48}{_show(gain)}" for name, gain in self.gains.items())])


def write_transfer_page(report: TransferReport, folder: Path, picture: str) -> list[Path]:
    """Writes transfer.md and transfer.html into the folder of a run, which has the picture; their paths."""
    about = (
        f"{report.tasks} test tasks, {report.stored} {report.kind} of a run with distance={report.distance}. "
        f"Mean ± 95% interval (Student's t) over n = {report.tasks} test tasks; gains in cross-entropy."
    )
    distances = [_distance_row(report, name, found) for name, found in report.distances.items()]
    gains = [[name, _show(gain)] for name, gain in report.gains.items()]
    head = ["distance", "rank correlation of -d and gain", "gain of the nearest", "reads"]
    blocks: list[Block] = [Heading("Distances between tasks", 1), Paragraph(about), Grid(head, distances)]
    blocks += [Heading("Choices of the start"), Grid(["start", "gain"], gains)]
    blocks.append(Picture("The test tasks by their distances, a colour a family.", picture))
    return write_page("Distances between tasks", blocks, folder, "transfer")


def _distance_row(report: TransferReport, name: str, found: Agreement) -> list[Cell]:
    oracle = name in report.oracles
    reads = Toned("the query labels: no method", "bad") if oracle else Toned("support and U", "unsure")
    return [name, _show(found.correlation), _show(found.nearest), reads]


def draw_tasks(distances: np.ndarray, families: np.ndarray, path: Path) -> None:
    """Draws the test tasks by how far they are from the known ones, in a colour for each family.

    The two directions in which the logarithms of the distances differ most, by principal components.

    Args:
        distances: [T, M] of one distance.
        families: [T] number of the family that each task is of.
        path: of the PNG file.
    """
    places = plane(distances)
    figure = new_figure(5.2, 4.2)
    axes = figure.subplots()
    for number, family in enumerate(np.unique(families)):
        own = places[families == family]
        look = numbered_look(number)
        axes.scatter(
            own[:, 0],
            own[:, 1],
            s=14,
            color=look.colour,
            marker=look.marker,
            alpha=0.7,
            label=f"family {int(family)}",
        )
    axes.set(xlabel="first direction of log d", ylabel="second", title=f"{len(places)} test tasks by d")
    axes.legend(fontsize=8)
    save_png(figure, path)


def plane(distances: np.ndarray) -> np.ndarray:
    """[T, 2] the principal components of the logarithms of distances [T, M], which may be infinite."""
    largest = distances[np.isfinite(distances)].max(initial=1.0)
    logs = np.log(np.clip(np.where(np.isfinite(distances), distances, largest), TINY, None))
    centred = logs - logs.mean(0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    found = np.zeros((len(logs), 2))
    found[:, : min(2, len(s))] = (u * s)[:, :2]
    return found


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
