"""The pictures of a report."""

from pathlib import Path

from PIL import Image

from metassl.reports.groups import group_runs
from metassl.reports.plots import heat_map, learning_curves
from metassl.reports.runs import find_runs, read_run
from metassl.reports.tables import results_table


def test_pictures_open_and_leave_no_temporary_file(sweep: Path) -> None:
    groups = group_runs(find_runs(sweep))
    for draw, name in ((heat_map, "a.png"), (learning_curves, "b.png")):
        assert draw(groups, sweep / name, "title")
        with Image.open(sweep / name) as picture:
            picture.load()
            assert min(picture.size) > 300
            assert len(picture.convert("RGB").getcolors(1 << 24) or ()) > 20
    assert not list(sweep.glob(".*"))


def test_no_results_draw_no_picture(sweep: Path) -> None:
    groups = group_runs([read_run(sweep / "8"), read_run(sweep / "9")])
    assert not heat_map(groups, sweep / "a.png", "")
    assert not learning_curves(groups, sweep / "b.png", "")
    assert not list(sweep.glob("*.png"))
    assert results_table(groups) == "No job has finished.\n"
