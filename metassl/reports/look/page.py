"""The page of a look at one run."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from omegaconf import DictConfig
from PIL import Image

from metassl.evaluation.calibration import expected_calibration_error
from metassl.files import read_json
from metassl.reports.blocks import Block, Gallery, Grid, Heading, Lines, Paragraph, Picture, Thumbnail
from metassl.reports.look.asked import Array, Asked
from metassl.reports.look.figures import draw_curves, draw_map, draw_reliability
from metassl.reports.look.gathered import LookedAt, Seen, gathered
from metassl.reports.look.of_tasks import of_distances, of_worth
from metassl.reports.pages import html_page
from metassl.runs.curves import read_curves
from metassl.runs.file_names import CURVES, RESULTS

TASKS, ASKED = 3, 200  # looked at in full; asked
PAIRS, ERRORS = 12, 16  # shown
SIDE = 84  # pixels of a small picture


def look_page(config: DictConfig, folder: Path, choices: Mapping[str, str], asked: int = ASKED) -> str:
    """One HTML file with everything inside.

    Args:
        config: of the run.
        folder: of it.
        choices: the option of each config group.
        asked: how many test tasks are asked.

    Raises:
        UserError: a run without results, or whose tasks ask for values.
    """
    results = read_json(folder / RESULTS)
    calibration = results.get("calibration") or {}
    temperature = float(calibration.get("temperature", 1.0))
    tasks, found = gathered(config, folder, asked, TASKS, temperature)
    named = ", ".join(f"{key} {choices[key]}" for key in ("model", "ssl", "dataset") if key in choices)
    title = f"A look at {folder.name}"
    with TemporaryDirectory() as pictures:
        place = Path(pictures)
        blocks: list[Block] = [
            Heading(title, 1),
            Paragraph(f"{named}; {results.get('make_up')}; split {results.get('split')}."),
            *of_worth(folder, results, found, place),
            *_of_tasks(tasks, place),
            *_of_errors(found, asked),
            *_of_probabilities(found, calibration, place),
            *of_distances(found, place),
            *_of_curves(folder, str(results.get("score")), place),
        ]
        return html_page(title, blocks, place)


def _of_tasks(tasks: list[LookedAt], place: Path) -> list[Block]:
    blocks: list[Block] = [Heading("Test tasks")]
    for number, task in enumerate(tasks):
        draw_map(task, place / f"map_{number}.png")
        right = float((task.query.p.argmax(1) == task.query.y).mean())
        blocks += [
            Heading(f"Task {number}: {right:.0%} of the queries right", 3),
            Picture("Its features, all by the trained backbone before adaptation", f"map_{number}.png"),
        ]
        if task.support.x.ndim != 4:
            continue
        parts = (("Labelled", task.support), ("Unlabelled", task.unlabelled), ("Queries", task.query))
        for what, part in parts:
            if len(part.x):
                blocks += [Paragraph(_told(part, what), what), Gallery(_thumbnails(part, task, what))]
    return blocks


def _told(part: Seen, what: str) -> str:
    """How many are taken for what they are, of those that have a class."""
    own = part.y >= 0
    right = int((part.p.argmax(1) == part.y)[own].sum())
    return "" if what == "Labelled" else f", {right} of {int(own.sum())} taken for what they are"


def _thumbnails(part: Seen, task: LookedAt, what: str) -> list[Thumbnail]:
    found = []
    for x, y, p in zip(part.x, part.y, part.p, strict=True):
        truth = task.names[y] if y >= 0 else "none of them"
        if what == "Labelled":
            found.append(Thumbnail(png(x), [truth]))
            continue
        answer = int(p.argmax())
        verdict = "right" if answer == y else "wrong"
        lines = [f"{verdict}: {task.names[answer]} {p[answer]:.2f}"] + (
            [] if answer == y else [f"is {truth}"]
        )
        found.append(Thumbnail(png(x), lines))
    return found


def _of_errors(found: Asked, asked: int) -> list[Block]:
    pairs = [
        (truth, answer, f"{count}", f"{100 * count / found.asked[truth]:.0f}")
        for (truth, answer), count in found.confused.most_common(PAIRS)
    ]
    blocks: list[Block] = [
        Heading("What is taken for what"),
        Paragraph(
            f"{len(found.right)} queries of {asked} tasks, of which {int((~found.right).sum())} were wrong."
        ),
    ]
    if pairs:
        blocks.append(Grid(["class", "taken for", "times", "% of its queries"], pairs))
    worst = found.worst[:ERRORS]
    if worst and worst[0][0].ndim == 3:
        items = [Thumbnail(png(x), [f"{answer} {p:.2f}", f"is {truth}"]) for x, truth, answer, p in worst]
        blocks += [Heading("The surest errors"), Gallery(items)]
    return blocks


def _of_probabilities(found: Asked, calibration: Mapping[str, Any], place: Path) -> list[Block]:
    draw_reliability(found.sure, found.right, place / "reliability.png")
    now = expected_calibration_error(found.sure, found.right)
    before = calibration.get("error")
    line = f"Expected calibration error {100 * now:.1f} %"
    if before is not None:
        line += (
            f", with a temperature of {calibration['temperature']:.3g} that validation tasks have chosen; on "
            f"the run's test {100 * before:.1f} % without it and "
            f"{100 * calibration['error_calibrated']:.1f} % with it"
        )
    return [
        Heading("Are probabilities what they say?"),
        Paragraph(f"{line}."),
        Picture("Share of right answers by their probability, with their number", "reliability.png"),
    ]


def _of_curves(folder: Path, score: str, place: Path) -> list[Block]:
    if not draw_curves(read_curves(folder / CURVES), score, place / "curves.png"):
        return []
    return [
        Heading("Training"),
        Picture("Scores over the training", "curves.png"),
        Lines(f"folder: {folder.name}"),
    ]


def png(x: Array) -> bytes:
    """A picture [C, H, W] in 0..1 as a PNG file, its pixels enlarged."""
    pixels = (np.moveaxis(x, 0, -1).clip(0, 1) * 255).round().astype(np.uint8)
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels[..., :3])
    scale = max(1, SIDE // max(image.size))
    content = BytesIO()
    image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST).save(content, "PNG")
    return content.getvalue()
