"""The tables of a report: results, failed jobs, the protocol."""

from pathlib import Path

from metassl.reports.pages import markdown_page
from metassl.reports.sweeps.protocol import protocol_line
from metassl.reports.sweeps.seed_groups import group_runs, score
from metassl.reports.sweeps.tables import failures_table, results_table
from metassl.runs.read import find_runs
from tests.support.job_folders import write_job


def test_the_table_holds_the_numbers(sweep: Path) -> None:
    groups = group_runs(find_runs(sweep))
    lines = markdown_page(results_table(groups)).splitlines()
    assert lines[0].startswith(
        "| model | ssl | accuracy % ± 95% over seeds | gain of U | gain, unbalanced U | twin | seeds n |"
    )
    assert len({line.count("|") for line in lines[:6]}) == 1
    best = next(line for line in lines if "**" in line)
    accuracy = score(groups[3], "accuracy")
    assert accuracy is not None
    assert best.startswith(f"| protonet | consistency | **{accuracy.percent()}** | +3.0 ± 0.0 |")
    assert best.endswith("| 2 | 5 | 0 | transductive | batch | 400 | 90 s | 0123456 |")
    assert "†" not in "".join(lines)
    assert "run three or more, such as seed=0,1,2" in lines[-1]  # of two seeds


def test_one_seed_shows_the_episodes_interval_and_says_so(tmp_path: Path) -> None:
    write_job(tmp_path / "0", "maml", "vat", 0, gain=0.02)
    table = markdown_page(results_table(group_runs(find_runs(tmp_path))))
    assert "over episodes †" in table
    assert "± 1.4 † | +2.0 ± 0.4 † |" in table
    assert "says nothing about seeds" in table


def test_jobs_without_results_are_listed_with_their_error(sweep: Path) -> None:
    failures = failures_table(find_runs(sweep), sweep)
    assert failures is not None
    lines = failures.markdown().splitlines()[2:]
    assert lines == [
        r"| 8 | model=anil ssl=none seed=0 | failed | loss is nan \| at step 3 |",
        "| 9 | model=maml ssl=none seed=2 | done | no results.json |",
        "| 10 | – | not started | no run.json: the job ended before it began |",
    ]


def test_a_job_refused_before_it_began_keeps_its_error(tmp_path: Path) -> None:
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "status.json").write_text('{"status": "failed", "error": "model: no such"}')
    failures = failures_table(find_runs(tmp_path), tmp_path)
    assert failures is not None
    assert failures.rows == [["0", "–", "failed", "model: no such"]]


def test_the_protocol_line_says_what_varies(tmp_path: Path) -> None:
    write_job(tmp_path / "0", "maml", "none", 0)
    write_job(tmp_path / "1", "maml", "none", 1, shot=5)
    line = protocol_line(find_runs(tmp_path))
    assert line.startswith(
        "Protocol: dataset glyphs, split test, episodes 200, way 5, shot 1 / 5, queries a class 5,"
    )
    assert line.endswith("backbone conv4, optimizer adam, seeds 0 / 1, commit 0123456.")
