"""What a look says of its test tasks as points: with unlabelled examples and without; near to what is known
and far.

Legend: T tasks.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from metassl.evaluation.intervals import over_episodes, paired
from metassl.reports.blocks import Block, Grid, Heading, Paragraph, Picture
from metassl.reports.look.asked import Asked
from metassl.reports.look.figures import draw_distances, draw_worth
from metassl.runs.file_names import EPISODES

TWIN, DEPRIVED = "worth.png", "deprived.png"
NEAR = {  # name of a finding -> what is far from what
    "start_distance": "how far a task is from the nearest start",
    "task_distance": "how far a task is from the nearest stored one",
}


def of_worth(folder: Path, results: Mapping[str, Any], found: Asked, place: Path) -> list[Block]:
    """What the run's own test has found against its twin, and the learner against itself without U."""
    score = str(results["score"])
    own = results[score]
    line = (
        f"{score} {100 * own['mean']:.1f} ± {100 * own['ci95']:.1f} % over {results['episodes']} test tasks"
    )
    twin = _of_twin(folder, results, score, line, place)
    if found.deprived is None:
        return twin or [
            Heading("What it reaches"),
            Paragraph(f"{line}. It makes nothing of unlabelled examples at test."),
        ]
    draw_worth(found.scores.tolist(), found.deprived.tolist(), "the same learner", place / DEPRIVED)
    gain = paired(found.scores, found.deprived).percent(signed=True)
    less = (
        f"The same learner on {len(found.scores)} test tasks, with unlabelled examples and without: {gain} "
        "points, paired by task. "
        + ("Without them it meets what it was not trained for." if twin else "No twin was trained without U.")
    )
    begin = twin or [Heading("What unlabelled examples are worth"), Paragraph(f"{line}.")]
    return [*begin, Paragraph(less), Picture("Each test task, the same learner with and without", DEPRIVED)]


def _of_twin(folder: Path, results: Mapping[str, Any], score: str, line: str, place: Path) -> list[Block]:
    """[] for a run that has none."""
    frame = pq.read_table(folder / EPISODES) if (folder / EPISODES).is_file() else None
    if results.get("gain") is None or frame is None or f"{score}_twin" not in frame.column_names:
        return []
    gain = results["gain"]
    draw_worth(frame[score].to_pylist(), frame[f"{score}_twin"].to_pylist(), "twin", place / TWIN)
    worth = f"{100 * gain['mean']:+.1f} ± {100 * gain['ci95']:.1f} points"
    return [
        Heading("What unlabelled examples are worth"),
        Paragraph(f"{line}; against the same training without unlabelled examples {worth}, paired by task."),
        Picture("Each test task with unlabelled examples against without", TWIN),
    ]


def of_distances(found: Asked, place: Path) -> list[Block]:
    """How far test tasks are from the starts, or tasks, that the learner knows, and how right it is there."""
    blocks: list[Block] = []
    for name, what in NEAR.items():
        values = found.findings.get(name, np.empty(0))
        known = np.isfinite(values)
        if not known.any():
            continue
        file, values, scores = f"{name}.png", values[known], found.scores[known]
        draw_distances(values, scores, place / file)
        blocks += [
            Heading("Distance to what is known"),
            Paragraph(f"Of {len(values)} test tasks: {what}, and how many of its queries are right."),
            Grid(["a third of the tasks", "distance", "% right"], _thirds(values, scores)),
            Picture("Each test task by its distance", file),
        ]
    return blocks


def _thirds(values: np.ndarray, scores: np.ndarray) -> list[tuple[str, str, str]]:
    """The nearest, middle and furthest tasks: their distances and share of right answers."""
    parts = np.array_split(np.argsort(values, kind="stable"), 3)
    return [
        (name, f"{values[own].min():.3g} to {values[own].max():.3g}", over_episodes(scores[own]).percent())
        for name, own in zip(("nearest", "middle", "furthest"), parts, strict=True)
        if len(own)
    ]
