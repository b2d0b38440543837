"""The picture follows what was swept."""

from pathlib import Path

import pytest

from metassl.reports import heat_maps
from metassl.reports.lines import spacing
from metassl.reports.sweeps import parameter_lines, score_map
from metassl.reports.sweeps.axes import swept
from metassl.reports.sweeps.pictures import section_pictures
from metassl.reports.sweeps.sections import Section, sort_out
from metassl.runs.read import find_runs
from tests.support.job_folders import write_job

Kept = dict[str, tuple]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Kept:
    """What the drawing functions are called with, by name."""
    kept: Kept = {}
    for module, name in ((score_map, "draw_heat_maps"), (parameter_lines, "draw_lines")):
        monkeypatch.setattr(module, name, lambda *words, name=name: kept.update({name: words}))
    return kept


def section_of(folder: Path) -> Section:
    (section,) = sort_out(find_runs(folder)).sections
    return section


def files(folder: Path) -> list[str]:
    return [picture.file for picture in section_pictures(section_of(folder), [], folder)]


def write_grid(folder: Path) -> None:
    """λ and rate, two values each, two seeds; the best on validation is λ = 1 at the small rate."""
    number = 0
    for weight in ("1", "0.1"):
        for rate in ("0.01", "0.001"):
            for seed in (0, 1):
                words = [f"ssl.weight={weight}", f"optimizer.lr={rate}"]
                level = 0.5 + 0.1 * (weight == "1") - 0.05 * (rate == "0.01")
                write_job(folder / str(number), "maml", "vat", seed, level, extra=words)
                number += 1


def test_two_numbers_are_a_map_on_their_axes(tmp_path: Path, drawn: Kept) -> None:
    write_grid(tmp_path)
    assert files(tmp_path) == ["heatmap.png", "line.png", "curves.png"]
    over, (found, *_), _, _, finished, note = drawn["draw_heat_maps"]
    assert (over.down, over.rows, over.along, over.columns) == (
        "ssl.weight", ["0.1", "1"], "optimizer.lr", ("0.001", "0.01"),
    )  # fmt: skip
    assert found.values[1, 0] == found.values.max()
    assert found.framed == {("1", "0.001")}
    assert finished == {(weight, rate) for weight in ("0.1", "1") for rate in ("0.001", "0.01")}
    assert "n = 2 seeds" in note
    assert "95% interval" in note
    assert found.text(1, 0, ("1", "0.001")).count("±") == 1


def test_one_number_is_a_line_with_its_intervals(tmp_path: Path, drawn: Kept) -> None:
    for number, weight in enumerate(("10", "0.1", "1", "100")):
        write_job(
            tmp_path / str(number), "maml", "vat", 0, 0.5 + number / 100, extra=[f"ssl.weight={weight}"]
        )
    assert files(tmp_path) == ["line.png", "curves.png"]
    (line,), _, _, names, note = drawn["draw_lines"]
    assert line.x == [0.1, 1, 10, 100]
    assert line.half == pytest.approx([1.4] * 4)
    assert line.best == [3]  # the last job
    assert names == ("ssl.weight", "test accuracy (%)")
    assert note == "one seed, n = 1: ± 95% interval over its test episodes"


def test_a_number_and_a_method_are_a_line_each(tmp_path: Path, drawn: Kept) -> None:
    for number, (model, unlabelled) in enumerate((m, u) for m in ("maml", "anil") for u in (0, 5, 10)):
        words = [f"episode.unlabelled={unlabelled}"]
        write_job(tmp_path / str(number), model, "vat", 0, extra=words, unlabelled=unlabelled)
    assert files(tmp_path) == ["heatmap.png", "line.png", "curves.png"]
    assert [line.name for line in drawn["draw_lines"][0]] == ["maml", "anil"]
    assert drawn["draw_heat_maps"][0].along == "episode.unlabelled"


def test_names_are_dots_and_one_run_is_none(sweep: Path, tmp_path: Path) -> None:
    assert files(sweep) == ["heatmap.png", "intervals.png", "curves.png"]
    write_job(tmp_path / "one" / "0", "maml", "vat", 0)
    assert files(tmp_path / "one") == ["curves.png"]


def test_values_that_are_no_numbers_keep_the_order_of_their_jobs(tmp_path: Path) -> None:
    for number, rate in enumerate(("0.1", "nan", "auto", "0.01")):
        write_job(tmp_path / str(number), "maml", "vat", 0, extra=[f"optimizer.lr={rate}"])
    (axis,) = swept(section_of(tmp_path).groups)
    assert (axis.values, axis.numbers) == (("0.1", "nan", "auto", "0.01"), None)


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([1, 2, 3, 4], "linear"), ([0, 1, 5, 10, 20], "linear"), ([0.001, 0.01, 0.1], "log"), ([1, 2, 4, 8, 16], "log"),
        ([0, 0.01, 0.1, 1], "symlog"), ([-1, 0.1, 1, 10], "linear"), ([0.1, 1], "linear"), ([3], "linear"),
    ],
)  # fmt: skip
def test_an_axis_is_logarithmic_where_its_values_are(values: list[float], scale: str) -> None:
    assert spacing(values) == scale


def test_a_large_sweep_is_drawn_by_its_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """50 groups: no map that could not be read, 40 lines, and the text says so."""
    from metassl.reports.sweeps import dot_plot

    for number in range(50):
        write_job(tmp_path / str(number), f"model{number}", "vat", 0, 0.3 + number / 100)
    called: list = []
    monkeypatch.setattr(dot_plot, "draw_dots", lambda *words: called.append(words))
    monkeypatch.setattr(heat_maps, "draw_heat_maps", lambda *_: pytest.fail("unreadable"))
    assert files(tmp_path) == ["intervals.png", "curves.png"]
    ((rows, (panel,), _, _, note),) = called
    assert (len(rows), rows[0]) == (40, "model49 + vat")
    assert panel.dots[0].ringed
    assert "the 40 best on validation of 50" in note
