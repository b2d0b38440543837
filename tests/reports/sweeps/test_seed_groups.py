"""Runs that differ by the seed alone are one group with one score."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from metassl.reports.pages import markdown_page
from metassl.reports.sweeps.comparisons import comparisons
from metassl.reports.sweeps.seed_groups import group_runs, score
from metassl.reports.sweeps.tables import results_table
from metassl.runs.read import find_runs
from tests.support.job_folders import write_job


def test_groups_are_what_differs_apart_from_the_seed(sweep: Path) -> None:
    groups = group_runs(find_runs(sweep))
    assert [(group.model, group.ssl, len(group.finished), len(group.runs)) for group in groups] == [
        ("maml", "none", 2, 3),
        ("maml", "consistency", 2, 2),
        ("protonet", "none", 2, 2),
        ("protonet", "consistency", 2, 2),
        ("anil", "none", 0, 1),
    ]
    assert all(group.extra == () for group in groups)


def test_another_varying_key_makes_its_own_groups_and_column(tmp_path: Path) -> None:
    for number, (unlabelled, lr) in enumerate(((5, 1), (5, 1), (10, 1))):
        extra = [f"++episode.unlabelled={unlabelled}", f"optimizer.lr={lr}", "hydra.verbose=true"]
        write_job(tmp_path / str(number), "maml", "vat", number, extra=extra, unlabelled=unlabelled)
    groups = group_runs(find_runs(tmp_path))
    assert [group.extra for group in groups] == [
        (("episode.unlabelled", "5"),),
        (("episode.unlabelled", "10"),),
    ]
    assert "| model | ssl | episode.unlabelled | accuracy" in markdown_page(results_table(groups))
    assert groups[0].label == "maml + vat, episode.unlabelled=5"
    assert comparisons(groups).made == []  # other episodes, so no comparison
    assert "**" not in results_table(groups)[0].markdown()


def test_scores_over_seeds_are_t_intervals_of_the_runs_means(sweep: Path) -> None:
    group = group_runs(find_runs(sweep))[3]
    means = [run.result("accuracy")["mean"] for run in group.finished]
    found = score(group, "accuracy")
    assert found is not None
    assert found.mean == pytest.approx(np.mean(means))
    assert found.half_width == pytest.approx(stats.t.ppf(0.975, 1) * stats.sem(means))
    assert score(group_runs(find_runs(sweep))[0], "gain") is None
