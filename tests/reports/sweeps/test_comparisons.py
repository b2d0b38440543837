"""Paired differences: only of the same episodes, each averaged over the shared seeds."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from scipy import stats

from metassl.errors import UserError
from metassl.reports.pages import markdown_page
from metassl.reports.sweeps.comparisons import comparison_blocks, comparisons, paired_difference
from metassl.reports.sweeps.seed_groups import group_runs
from metassl.reports.sweeps.tables import results_table
from metassl.runs.read import find_runs
from tests.support.job_folders import EPISODES, write_job


def test_paired_difference_is_seed_by_seed(sweep: Path) -> None:
    maml, protonet = (group_runs(find_runs(sweep))[index] for index in (0, 2))
    columns = [
        [np.mean(parquet.read_table(run.folder / "episodes.parquet")["accuracy"]) for run in g.finished]
        for g in (protonet, maml)
    ]
    differences = np.subtract(*columns)
    found = paired_difference(protonet, maml)
    assert found is not None
    assert (found.interval.mean, found.interval.n) == (pytest.approx(differences.mean()), 2)
    assert found.interval.half_width == pytest.approx(stats.t.ppf(0.975, 1) * stats.sem(differences))
    assert found.p == pytest.approx(stats.ttest_rel(*columns).pvalue)
    made = comparisons(group_runs(find_runs(sweep))).made
    assert [comparison.best.label for comparison in made] == ["protonet + consistency"] * 3
    assert all("hold" in comparison.verdict.text for comparison in made)


def test_the_best_is_chosen_on_validation(tmp_path: Path) -> None:
    write_job(tmp_path / "0", "maml", "none", 0, 0.6, validation={"mean": 0.9, "ci95": 0.1})
    write_job(tmp_path / "1", "maml", "vat", 0, 0.8, validation={"mean": 0.7, "ci95": 0.1})
    found = comparisons(group_runs(find_runs(tmp_path)))
    *_, row = comparison_blocks(found)[-1].markdown().splitlines()
    assert row.startswith("| **maml + none** | maml + vat | -")
    assert row.endswith("| – | one seed, so nothing follows for others |")


def test_where_a_run_has_no_validation_none_is_the_best(tmp_path: Path) -> None:
    write_job(tmp_path / "0", "maml", "none", 0, 0.6)
    write_job(tmp_path / "1", "maml", "vat", 0, 0.8, validation=None)
    groups = group_runs(find_runs(tmp_path))
    assert comparisons(groups).made == []
    text = markdown_page(results_table(groups))
    assert "**" not in text
    assert "Nothing is bold: 1 of 2 rows have no validation to choose by." in text


def test_pairs_without_the_same_episodes_are_named(sweep: Path) -> None:
    (sweep / "2" / "episodes.parquet").unlink()
    found = comparisons(group_runs(find_runs(sweep)))
    assert len(found.made) == 2
    assert found.not_made == [
        "protonet + consistency with maml + consistency: they share no seed with the same stored episodes."
    ]


def test_other_episodes_are_not_paired(sweep: Path) -> None:
    table = pa.table({"episode": np.arange(EPISODES) + 1, "accuracy": np.ones(EPISODES)})
    parquet.write_table(table, sweep / "0" / "episodes.parquet")
    (sweep / "2" / "episodes.parquet").unlink()
    groups = group_runs(find_runs(sweep))
    assert paired_difference(groups[0], groups[2]) is None
    assert paired_difference(groups[1], groups[2]) is None
    assert paired_difference(groups[2], groups[3]) is not None


def test_a_broken_parquet_file_is_named(sweep: Path) -> None:
    (sweep / "0" / "episodes.parquet").write_bytes(b"PAR1")
    with pytest.raises(UserError, match=r"0/episodes\.parquet: not a table") as caught:
        comparisons(group_runs(find_runs(sweep)))
    assert "\n" not in str(caught.value)
