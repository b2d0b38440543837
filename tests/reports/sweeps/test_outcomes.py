"""Reports of runs that ask for values: unit and direction are those of the score."""

import json
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from metassl.errors import UserError
from metassl.reports.pages import markdown_page
from metassl.reports.sweeps.comparisons import comparisons, paired_difference
from metassl.reports.sweeps.pair_map import write_pair_map
from metassl.reports.sweeps.protocol import best_of_each_setting
from metassl.reports.sweeps.report import write_sweep_report
from metassl.reports.sweeps.sections import sort_out
from metassl.reports.sweeps.seed_groups import SeedGroup, group_runs
from metassl.reports.sweeps.tables import results_table
from metassl.runs.read import find_runs
from tests.support.job_folders import write_curve_job, write_job


@pytest.fixture
def curves(tmp_path: Path) -> Path:
    """Two runs of curves; the one with U has less error, and had more without U."""
    write_curve_job(tmp_path / "sweep" / "0", "maml", "none", 0, error=0.5)
    write_curve_job(tmp_path / "sweep" / "1", "maml", "consistency", 0, error=0.3, gain=0.1)
    return tmp_path / "sweep"


def groups_of(sweep: Path) -> list[SeedGroup]:
    return group_runs(find_runs(sweep))


def table_of(sweep: Path, digits: int = 1) -> str:
    return markdown_page(results_table(groups_of(sweep), digits))


def mean_error(job: Path) -> float:
    return float(np.mean(parquet.read_table(job / "episodes.parquet")["mse"]))


def test_the_table_is_in_the_unit_of_the_score_and_the_least_error_is_bold(curves: Path) -> None:
    head, _, none, consistency, *rest = table_of(curves).splitlines()
    assert head == (
        "| model | ssl | mean squared error ± 95% over episodes † | gain of U | gain, unbalanced U | twin | mae "
        "| r2 | seeds n | M | predictions | norm | steps | wall time | commit |"
    )
    error = mean_error(curves / "1")
    assert consistency.startswith(
        f"| maml | consistency | **{error:.3f} ± 0.040** † | +0.100 ± 0.004 † | – | "
        f"{error + 0.1:.3f} ± 0.050 † |"
    )
    assert none.startswith(f"| maml | none | {mean_error(curves / '0'):.3f} ± 0.040 † | – | – | – |")
    notes = "\n".join(rest)
    assert "Gain of U (less error is +)" in notes
    assert "Bold: the best on validation" in notes
    assert "accuracy" not in notes


def test_more_digits_are_more_digits_of_errors_too(curves: Path) -> None:
    assert f"**{mean_error(curves / '1'):.4f} ± 0.0400**" in table_of(curves, digits=2)


def test_less_error_is_better_and_a_gain_above_0(curves: Path) -> None:
    none, consistency = groups_of(curves)
    assert best_of_each_setting([none, consistency]) == [consistency]
    gain = paired_difference(consistency, none)
    expected = mean_error(curves / "0") - mean_error(curves / "1")
    assert gain is not None
    assert gain.interval.mean == pytest.approx(expected)
    assert expected > 0.1
    (found,) = comparisons([none, consistency]).made
    assert (found.best, found.other) == (consistency, none)
    assert found.difference.interval.mean == pytest.approx(expected)


def test_the_report_of_curves_speaks_of_errors(curves: Path, tmp_path: Path) -> None:
    table, paths = write_sweep_report(curves, tmp_path / "out")
    assert [path.name for path in paths] == ["report.md", "report.html", "intervals.png", "curves.png"]
    report = paths[0].read_text()
    assert table.strip() in report
    assert "episodes 200, tasks of 10 labelled and 20 unlabelled points, 20 queries, U used at" in report
    assert "Mean squared error, less error is +, paired by test episode, with a 95% interval over" in report
    assert "ccuracy" not in report
    assert "way" not in report.replace("away", "")


def test_the_map_of_curves_has_gains_over_the_twin(curves: Path) -> None:
    report, _, picture = write_pair_map(curves)
    text = report.read_text()
    assert text.startswith("# curves, 10 labelled and 20 unlabelled points, 20 queries\n")
    assert "Mean squared error, mean over the seeds." in text
    assert "the same budget (less error is +): paired" in text
    cell = f"{mean_error(curves / '1'):.3f}<br>+0.100 ± 0.004 † |"
    assert f"| maml | {mean_error(curves / '0'):.3f} | {cell}" in text
    assert "Unbalanced" not in text
    assert picture.stat().st_size > 1000


def test_outcomes_never_share_a_table(curves: Path, tmp_path: Path) -> None:
    write_job(curves / "2", "maml", "none", 0)
    unfinished = write_job(curves / "3", "maml", "vat", 0)
    (unfinished / "results.json").unlink()
    values, classes = sort_out(find_runs(curves)).sections
    assert [run.folder.name for run in values.runs] == ["0", "1"]
    assert [run.folder.name for run in classes.runs] == ["2", "3"]
    table, paths = write_sweep_report(curves, tmp_path / "out")
    names = [
        f"{name}_{outcome}.png"
        for outcome in ("regression", "classification")
        for name in (["intervals", "curves"] if outcome == "regression" else ["curves"])
    ]
    assert [path.name for path in paths] == ["report.md", "report.html", *names]
    report = paths[0].read_text()
    assert (
        report.index("## regression")
        < report.index("mean squared error ±")
        < report.index("## classification")
    )
    assert report.index("## classification") < report.index("| accuracy % ±")
    assert report.index("| accuracy % ±") < report.index("## Jobs without results")
    assert "## regression" in table
    assert [path.name for path in write_pair_map(curves)] == [
        "map.md",
        "map.html",
        "map_regression.png",
        "map_classification.png",
    ]


def test_a_run_of_another_score_is_compared_with_none(curves: Path) -> None:
    """nDCG@5 and nDCG@10 are not the same number."""
    for job in ("0", "1"):
        about = json.loads((curves / job / "run.json").read_text())
        about["overrides"].append(f"outcome.top={5 + int(job)}")
        (curves / job / "run.json").write_text(json.dumps(about))
    assert best_of_each_setting(groups_of(curves)) == []


def test_a_score_that_there_is_not_is_one_line(curves: Path) -> None:
    path = curves / "1" / "results.json"
    path.write_text(path.read_text().replace('"mse"', '"msee"'))
    with pytest.raises(
        UserError, match=r"1/results\.json: score: found 'msee'. Did you mean 'mse'"
    ) as caught:
        table_of(curves)
    assert "\n" not in str(caught.value)


def test_orders_are_in_percent(curves: Path) -> None:
    for job in ("0", "1"):
        path = curves / job / "results.json"
        results = json.loads(path.read_text()) | {"outcome": "ranking", "score": "ndcg"}
        results |= {
            "ndcg": {"mean": 0.8 + 0.1 * int(job), "ci95": 0.01},
            "hit_rate": {"mean": 0.5, "ci95": 0.1},
            "validation": {"mean": 0.7 + 0.1 * int(job), "ci95": 0.1},
        }
        path.write_text(json.dumps({k: v for k, v in results.items() if k not in ("mse", "mae", "r2")}))
    head, _, none, consistency, *rest = table_of(curves).splitlines()
    assert "| nDCG@k % ± 95% over episodes † | gain of U | gain, unbalanced U | twin | hit_rate |" in head
    assert "| **90.0 ± 1.0** † | +10.0 ± 0.4 † |" in consistency
    assert "| 80.0 ± 1.0 † | – | – | – | 50.0 ± 10.0 † |" in none
    assert "Gain of U: nDCG@k minus the nDCG@k of the twin" in "\n".join(rest)
