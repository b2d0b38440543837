"""Runs are read from their folders: order, state, curves, broken files."""

from pathlib import Path

import pytest

from metassl.errors import UserError
from metassl.runs.read import find_runs, read_episodes, read_run
from tests.support.job_folders import write_curve_job, write_sweep


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    return write_sweep(tmp_path / "sweep")


def test_runs_come_in_numeric_order_with_their_state(sweep: Path) -> None:
    runs = find_runs(sweep)
    assert [run.folder.name for run in runs] == [str(number) for number in range(11)]
    assert [run.finished for run in runs] == [True] * 8 + [False] * 3
    assert runs[1].curves == {}
    assert runs[0].curves["val/accuracy"].steps.tolist() == [0, 100, 200, 300]
    assert runs[0].curves["train/loss"].steps.size == 8
    assert (runs[8].error, runs[10].status, runs[10].seed) == ("loss is nan | at step 3", "not started", None)


def test_a_single_run_is_accepted(sweep: Path) -> None:
    assert [run.seed for run in find_runs(sweep / "1")] == [1]


def test_missing_and_empty_folders_are_one_line(tmp_path: Path) -> None:
    for folder, message in ((tmp_path / "absent", "not found"), (tmp_path, "no run inside")):
        with pytest.raises(UserError, match=message) as caught:
            find_runs(folder)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("run.json", '{"choices": ', "not valid JSON"),
        ("run.json", "[]", "expected a JSON object, found list"),
        ("run.json", "{}", "expected an object 'choices'"),
        ("status.json", "\x80", "not valid JSON"),
        ("results.json", '{"accuracy": 0.5}', "'accuracy' has no number 'mean'"),
        ("results.json", '{"score": "mse", "accuracy": {"mean": 0.5}}', "'mse' has no number 'mean'"),
        ("metrics.csv", "step,val/accuracy\n1,high\n2,0.5\n", "row 1 lacks a number"),
    ],
)
def test_a_broken_file_is_named(sweep: Path, name: str, content: str, message: str) -> None:
    (sweep / "3" / name).write_text(content, encoding="latin-1")
    with pytest.raises(UserError, match=message) as caught:
        find_runs(sweep)
    assert str(sweep / "3" / name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_score_that_decides_is_what_the_results_say(sweep: Path, tmp_path: Path) -> None:
    old, new = read_run(sweep / "0"), read_run(write_curve_job(tmp_path / "new", "maml", "none", 0, 0.5))
    assert (old.outcome, old.score) == ("classification", "accuracy")
    assert (new.outcome, new.score) == ("regression", "mse")
    for run in (old, new):
        episodes = read_episodes(run)
        assert episodes is not None
        assert sum(episodes.values()) / len(episodes) == pytest.approx(run.result(run.score)["mean"])
    (tmp_path / "new" / "results.json").unlink()
    assert read_run(tmp_path / "new").outcome == "regression"  # what was chosen


def test_half_a_last_row_is_dropped(sweep: Path) -> None:
    with (sweep / "3" / "metrics.csv").open("a") as lines:
        lines.write("400,,0.7e")
    assert read_run(sweep / "3").curves["val/accuracy"].steps.tolist() == [0, 100, 200, 300]


def test_a_second_test_of_a_run_has_results_and_no_status(sweep: Path) -> None:
    (sweep / "0" / "status.json").unlink()
    (sweep / "9" / "status.json").unlink()
    assert read_run(sweep / "0").finished
    assert (read_run(sweep / "9").finished, read_run(sweep / "9").status) == (False, "unknown")
