"""The report of a synthetic sweep: groups, numbers, failed jobs, broken files, pictures, the script."""

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet
from scipy import stats

from metassl.errors import UserError
from metassl.evaluation.comparisons import comparisons, paired_difference
from metassl.evaluation.groups import group_runs, score
from metassl.evaluation.plots import heat_map, learning_curves
from metassl.evaluation.runs import find_runs, read_run
from metassl.evaluation.tables import failures_table, protocol, results_table

SCRIPT = Path(__file__).parents[2] / "scripts" / "report.py"
EPISODES = 200
RESULTS = {"split": "test", "episodes": EPISODES, "way": 5, "shot": 1, "queries": 5, "unlabelled": 5}
RESULTS |= {"distractors": 0, "at": "inner", "norm": "batch", "transductive": True, "steps": 400}
RESULTS |= {"commit": "0123456789abcdef"}


def write_job(
    folder: Path,
    model: str,
    ssl: str,
    seed: int,
    level: float = 0.6,
    gain: float | None = None,
    extra: Iterable[str] = (),
    **results: Any,
) -> Path:
    """A finished job whose accuracy is about `level`; the episodes' difficulty is shared by all jobs."""
    folder.mkdir(parents=True)
    about = {
        "choices": {
            "model": model,
            "ssl": ssl,
            "dataset": "glyphs",
            "backbone": "conv4",
            "optimizer": "adam",
        },
        "seed": seed,
        "overrides": [f"model={model}", f"ssl={ssl}", f"seed={seed}", *extra],
        "git": {"revision": "0123456789abcdef", "dirty": False},
    }
    (folder / "run.json").write_text(json.dumps(about))
    (folder / "status.json").write_text(json.dumps({"status": "done", "error": None}))
    shared = np.random.default_rng(7).normal(0, 0.1, EPISODES)
    own = np.random.default_rng([seed, len(model), len(ssl)]).normal(level + 0.01 * seed, 0.02, EPISODES)
    accuracy = shared + own
    table = pa.table({"episode": np.arange(EPISODES), "accuracy": accuracy})
    parquet.write_table(table, folder / "episodes.parquet")
    rows = [f"{step},{0.9 - step / 1000},," for step in range(0, 400, 50)]
    rows += [
        f"{step},,{level * (1 - np.exp(-(step + 50) / 150)) + 0.01 * seed},0.01"
        for step in range(0, 400, 100)
    ]
    (folder / "metrics.csv").write_text(
        "\n".join(["step,train/loss,val/accuracy,val/accuracy_ci95", *rows]) + "\n"
    )
    mean = float(accuracy.mean())
    report = {
        **RESULTS,
        "wall_seconds": 90.0 + seed,
        "accuracy": {"mean": mean, "ci95": 0.014},
        "without_unlabelled": None if gain is None else {"mean": mean - gain, "ci95": 0.015},
        "gain": None if gain is None else {"mean": gain, "ci95": 0.004},
        **results,
    }
    (folder / "results.json").write_text(json.dumps(report))
    return folder


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Jobs 0 to 10: two models, two objectives, two seeds; one failed, one unfinished, one not started."""
    folder = tmp_path / "sweep"
    number = 0
    for model, level in (("maml", 0.6), ("protonet", 0.7)):
        for ssl, gain in (("none", None), ("consistency", 0.03)):
            for seed in (0, 1):
                write_job(folder / str(number), model, ssl, seed, level + (gain or 0), gain)
                number += 1
    (folder / "1" / "metrics.csv").unlink()
    failed = write_job(folder / "8", "anil", "none", 0)
    (failed / "status.json").write_text(json.dumps({"status": "failed", "error": "loss is nan | at step 3"}))
    (failed / "results.json").unlink()
    (write_job(folder / "9", "maml", "none", 2) / "results.json").unlink()
    (folder / "10").mkdir()
    (folder / "multirun.yaml").write_text("ignored: true\n")
    return folder


def test_runs_come_in_numeric_order_with_their_state(sweep: Path) -> None:
    runs = find_runs(sweep)
    assert [run.folder.name for run in runs] == [str(number) for number in range(11)]
    assert [run.finished for run in runs] == [True] * 8 + [False] * 3
    assert runs[1].curve == {}
    assert runs[0].curve["val/accuracy"].steps.tolist() == [0, 100, 200, 300]
    assert runs[0].curve["train/loss"].steps.size == 8
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
        ("metrics.csv", "step,val/accuracy\n1,high\n2,0.5\n", "row 1 lacks a number"),
    ],
)
def test_a_broken_file_is_named(sweep: Path, name: str, content: str, message: str) -> None:
    (sweep / "3" / name).write_text(content, encoding="latin-1")
    with pytest.raises(UserError, match=message) as caught:
        find_runs(sweep)
    assert str(sweep / "3" / name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_half_a_last_row_is_dropped(sweep: Path) -> None:
    with (sweep / "3" / "metrics.csv").open("a") as lines:
        lines.write("400,,0.7e")
    assert read_run(sweep / "3").curve["val/accuracy"].steps.tolist() == [0, 100, 200, 300]


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
    assert "| model | ssl | episode.unlabelled | accuracy" in results_table(groups)
    assert groups[0].label == "maml + vat, episode.unlabelled=5"
    assert comparisons(groups) == []  # other episodes, so no comparison
    assert "**" not in results_table(groups)


def test_scores_over_seeds_are_t_intervals_of_the_runs_means(sweep: Path) -> None:
    group = group_runs(find_runs(sweep))[3]
    means = [run.result("accuracy")["mean"] for run in group.finished]
    found = score(group, "accuracy")
    assert found is not None
    assert found.mean == pytest.approx(np.mean(means))
    assert found.half_width == pytest.approx(stats.t.ppf(0.975, 1) * stats.sem(means))
    assert score(group_runs(find_runs(sweep))[0], "gain") is None


def test_the_table_holds_the_numbers(sweep: Path) -> None:
    groups = group_runs(find_runs(sweep))
    lines = results_table(groups).splitlines()
    assert lines[0].startswith(
        "| model | ssl | accuracy % ± 95% over seeds | gain of U | without U | seeds n |"
    )
    assert len({line.count("|") for line in lines[:6]}) == 1
    best = next(line for line in lines if "**" in line)
    accuracy = score(groups[3], "accuracy")
    assert accuracy is not None
    assert best.startswith(f"| protonet | consistency | **{accuracy.percent()}** | +3.0 ± 0.0 |")
    assert best.endswith("| 2 | 5 | 0 | transductive | batch | 400 | 90 s | 0123456 |")
    assert "†" not in "".join(lines)


def test_one_seed_shows_the_episodes_interval_and_says_so(tmp_path: Path) -> None:
    write_job(tmp_path / "0", "maml", "vat", 0, gain=0.02)
    table = results_table(group_runs(find_runs(tmp_path)))
    assert "over episodes †" in table
    assert "± 1.4 † | +2.0 ± 0.4 † |" in table
    assert "says nothing about seeds" in table


def test_paired_difference_averages_each_episode_over_the_shared_seeds(sweep: Path) -> None:
    maml, protonet = (group_runs(find_runs(sweep))[index] for index in (0, 2))
    columns = [
        np.mean(
            [parquet.read_table(run.folder / "episodes.parquet")["accuracy"] for run in g.finished], axis=0
        )
        for g in (protonet, maml)
    ]
    difference = columns[0] - columns[1]
    found = paired_difference(protonet, maml)
    assert found is not None
    assert (found.mean, found.n) == (pytest.approx(difference.mean()), EPISODES)
    assert found.half_width == pytest.approx(1.96 * stats.sem(difference))
    lines = comparisons(group_runs(find_runs(sweep)))
    assert len(lines) == 3
    assert all("**protonet + consistency** minus" in line and "(excludes 0)" in line for line in lines)


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


def test_jobs_without_results_are_listed_with_their_error(sweep: Path) -> None:
    lines = failures_table(find_runs(sweep), sweep).splitlines()[2:]
    assert lines == [
        r"| 8 | model=anil ssl=none seed=0 | failed | loss is nan \| at step 3 |",
        "| 9 | model=maml ssl=none seed=2 | done | no results.json |",
        "| 10 | – | not started | no run.json: the job ended before it began |",
    ]


def test_a_job_refused_before_it_began_keeps_its_error(tmp_path: Path) -> None:
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "status.json").write_text('{"status": "failed", "error": "model: no such"}')
    assert "| 0 | – | failed | model: no such |" in failures_table(find_runs(tmp_path), tmp_path)


def test_a_second_test_of_a_run_has_results_and_no_status(sweep: Path) -> None:
    (sweep / "0" / "status.json").unlink()
    (sweep / "9" / "status.json").unlink()
    assert read_run(sweep / "0").finished
    assert (read_run(sweep / "9").finished, read_run(sweep / "9").status) == (False, "unknown")


def test_the_protocol_line_says_what_varies(tmp_path: Path) -> None:
    write_job(tmp_path / "0", "maml", "none", 0)
    write_job(tmp_path / "1", "maml", "none", 1, shot=5)
    line = protocol(find_runs(tmp_path))
    assert line.startswith(
        "Protocol: dataset glyphs, split test, episodes 200, way 5, shot 1 / 5, queries a class 5,"
    )
    assert line.endswith("backbone conv4, optimizer adam, seeds 0 / 1, commit 0123456.")


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


def run_script(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_script_writes_the_report(sweep: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"
    done = run_script(sweep, "--out", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in out.iterdir()) == ["curves.png", "heatmap.png", "report.md"]
    assert all(str(out / name) in done.stdout for name in ("curves.png", "heatmap.png", "report.md"))
    report = (out / "report.md").read_text()
    for part in ("| protonet | consistency |", "](heatmap.png)", "](curves.png)", "Protocol:", "loss is nan"):
        assert part in report


def test_the_script_reports_one_run_into_its_own_folder(sweep: Path) -> None:
    assert run_script(sweep / "2").returncode == 0
    assert {"report.md", "heatmap.png", "curves.png"} <= {path.name for path in (sweep / "2").iterdir()}


def test_the_script_says_a_mistake_in_one_line(sweep: Path) -> None:
    (sweep / "0" / "run.json").write_text("{")
    for arguments in ([sweep], [sweep / "absent"], [sweep / "1", "--out", sweep / "multirun.yaml"]):
        failed = run_script(*arguments)
        assert (failed.returncode, failed.stdout) == (2, "")
        assert failed.stderr.startswith("error: ")
        assert failed.stderr.count("\n") == 1
