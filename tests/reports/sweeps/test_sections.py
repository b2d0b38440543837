"""Runs of a folder are sorted by what can be compared; a line says why a run stands in no table."""

import json
from pathlib import Path

import pytest

from metassl.errors import UserError
from metassl.reports.sweeps.report import write_sweep_report
from metassl.reports.sweeps.sections import sort_out
from metassl.runs.read import find_runs
from tests.support.job_folders import write_curve_job, write_job


def on_dataset(job: Path, dataset: str) -> Path:
    about = json.loads((job / "run.json").read_text())
    about["choices"]["dataset"] = dataset
    (job / "run.json").write_text(json.dumps(about))
    return job


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Two methods on glyphs and two on omniglot; single runs that nothing can be compared with; no run."""
    folder = tmp_path / "mixed"
    for name, ssl in (("a", "none"), ("b", "vat")):
        write_job(folder / name, "maml", ssl, 0)
        on_dataset(write_job(folder / f"o{name}", "maml", ssl, 0), "omniglot")
    write_job(folder / "twenty", "maml", "none", 0, 0.3, way=20)
    write_job(folder / "val", "protonet", "none", 0, split="val")
    write_job(folder / "small", "protonet", "none", 0, reduced=True)
    write_curve_job(folder / "values", "maml", "none", 0, error=0.5)
    (folder / "multirun").mkdir()
    return folder


def test_what_can_be_compared_shares_a_section_and_the_rest_is_named(mixed: Path, tmp_path: Path) -> None:
    found = sort_out(find_runs(mixed))
    assert [(s.name, [run.folder.name for run in s.runs]) for s in found.sections] == [
        ("glyphs", ["a", "b"]), ("omniglot", ["oa", "ob"]),
    ]  # fmt: skip
    whys = dict(line.split(" (", 1) for line in found.left_out)
    assert list(whys) == ["small", "twenty", "val", "values"]
    assert whys["small"].endswith("reduced data True where the others have False.")
    assert whys["twenty"].endswith("): way 20 where the others have 5.")
    assert whys["twenty"].startswith("maml + none, accuracy 2")
    assert whys["val"].endswith("split val where the others have test.")
    assert whys["values"].endswith("outcome regression where the others have classification.")
    text, paths = write_sweep_report(mixed, tmp_path / "out")
    assert "* multirun: no run inside" in text
    names = {"intervals_glyphs.png", "intervals_omniglot.png", "curves_glyphs.png", "curves_omniglot.png"}
    assert {path.name for path in paths} == {"report.md", "report.html", *names}
    assert paths[0].read_text().count("where the others have") == 4


def test_a_swept_number_of_the_episodes_is_no_other_protocol(tmp_path: Path) -> None:
    """A sweep over M stays in one table; the same M of other runs by another episode file does not."""
    for number, unlabelled in enumerate((0, 5, 10)):
        words = [f"episode.unlabelled={unlabelled}"]
        write_job(tmp_path / str(number), "maml", "vat", 0, extra=words, unlabelled=unlabelled)
    (section,) = sort_out(find_runs(tmp_path)).sections
    assert [group.extra for group in section.groups] == [
        (("episode.unlabelled", m),) for m in ("0", "5", "10")
    ]
    for number, ssl in enumerate(("none", "vat"), 3):
        write_job(tmp_path / str(number), "anil", ssl, 0, extra=["episode=twenty"], way=20)
    found = sort_out(find_runs(tmp_path))
    assert [(section.name, len(section.runs)) for section in found.sections] == [("way 5", 3), ("way 20", 2)]
    assert not found.left_out


def test_runs_of_which_none_can_be_compared_share_a_table_and_nothing_is_bold(tmp_path: Path) -> None:
    for number, way in enumerate((5, 10, 20)):
        write_job(tmp_path / str(number), "maml", "none", 0, way=way, extra=[f"episode=way{way}"])
    found = sort_out(find_runs(tmp_path))
    assert [len(section.runs) for section in found.sections] == [3]
    text, _ = write_sweep_report(tmp_path, tmp_path / "out")
    assert "Nothing is bold: no two rows were tested on the same episodes." in text


def test_an_interrupted_sweep_reports_what_is_there(sweep: Path, tmp_path: Path) -> None:
    _, paths = write_sweep_report(sweep, tmp_path)
    text = paths[0].read_text()
    assert "8 of 11 runs have results; the others: failed / done / not started." in text
    assert "| 10 | – | not started |" in text


def test_each_run_has_a_link_and_the_command_that_repeats_it(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    write_job(folder / "0", "maml", "none", 0, extra=["dataset.name='a b'"])
    retest = write_job(folder / "0" / "evaluations" / "x", "maml", "none", 0)
    (retest / "status.json").unlink()
    _, paths = write_sweep_report(folder, folder / "out")
    page = paths[1].read_text()
    assert '<a href="./../0">0</a>' in page
    assert "metassl train model=maml ssl=none seed=0 &#39;dataset.name=" in page
    _, paths = write_sweep_report(retest, folder / "out")
    assert f"metassl evaluate run={folder / '0'} model=maml" in paths[1].read_text()


@pytest.mark.parametrize("inside", [[], ["plots"]])
def test_a_folder_without_a_run_is_one_line(tmp_path: Path, inside: list[str]) -> None:
    for name in inside:
        (tmp_path / name).mkdir()
    with pytest.raises(
        UserError, match=r"no run inside\. Expected a run\.json, or folders with one"
    ) as caught:
        write_sweep_report(tmp_path, tmp_path)
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == inside
