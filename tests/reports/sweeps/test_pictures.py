"""The pictures of a report."""

from pathlib import Path

from PIL import Image

from metassl.reports.blocks import Paragraph
from metassl.reports.sweeps.axes import swept
from metassl.reports.sweeps.learning_curves import draw_learning_curves
from metassl.reports.sweeps.score_map import draw_score_map
from metassl.reports.sweeps.seed_groups import group_runs
from metassl.reports.sweeps.tables import results_table
from metassl.runs.read import find_runs, read_run


def test_pictures_open_and_leave_no_temporary_file(sweep: Path) -> None:
    groups = group_runs(find_runs(sweep))
    axes = swept(groups)
    assert draw_score_map(groups, axes, [], sweep / "a.png", "title")
    assert draw_learning_curves(groups, sweep / "b.png", "title")
    for name in ("a.png", "b.png"):
        with Image.open(sweep / name) as picture:
            picture.load()
            assert min(picture.size) > 300
            assert len(picture.convert("RGB").getcolors(1 << 24) or ()) > 20
    assert not list(sweep.glob(".*"))


def test_no_results_draw_no_picture(sweep: Path) -> None:
    groups = group_runs([read_run(sweep / "8"), read_run(sweep / "9")])
    assert not draw_score_map(groups, swept(groups), [], sweep / "a.png", "")
    assert not draw_learning_curves(groups, sweep / "b.png", "")
    assert not list(sweep.glob("*.png"))
    assert results_table(groups) == [Paragraph("No job has finished.")]
