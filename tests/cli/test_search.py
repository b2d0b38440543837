"""The command line of a search: from its words to its report, again, and one line for each mistake."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from metassl.cli import search as command
from metassl.cli import search_options
from metassl.cli.report import report
from metassl.cli.search_options import read_search_options
from metassl.cli.search_space import Space
from metassl.errors import ConfigError, DataError, UserError
from metassl.search import storage
from metassl.search.study import find_study
from tests.conftest import TINY
from tests.support.searching import Here

SMALL = ("backbone.filters=4", "trainer.steps=4", "trainer.val_every=2")
PAIR = ("model=protonet", "ssl=soft_kmeans", "ready=false", "ssl.refit_weight=log_interval(0.1,10)")


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything in this process."""

    def read(words: Sequence[str]) -> object:
        return replace(read_search_options(list(words)), launcher=Here())

    monkeypatch.setattr(search_options, "read_search_options", read)


@pytest.fixture
def data(tiny_npz: Path, tmp_path: Path) -> list[str]:
    words = ["dataset=arrays", f"dataset.source.path={tiny_npz}", f"paths.cache_dir={tmp_path / 'cache'}"]
    return [*words, *(word for word in TINY if not word.startswith("trainer.progress")), *SMALL]


def test_a_search_from_its_words_to_its_report_and_again(data: list[str], tmp_path: Path, capsys) -> None:
    out = tmp_path / "out"
    line = [*PAIR, *data, f"out={out}", "seeds=[1,2]", "pruner=none"]
    assert command.search([*line, "trials=2"]) == 0
    study, _ = find_study(storage.own_storage(out), "search")
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 2
    assert study.direction == optuna.study.StudyDirection.MAXIMIZE
    best = study.best_trial
    for trial in study.trials:
        folder = out / "trials" / f"{trial.number:04d}"
        about = json.loads((folder / "run.json").read_text())
        assert f"ssl.refit_weight={trial.params['ssl.refit_weight']!r}" in about["overrides"]
        assert "evaluation.split=val" in about["overrides"]
        assert not (folder / "results.json").exists()  # no test
        assert not (folder / "checkpoints").exists()
        last = (folder / "metrics.csv").read_text().splitlines()
        assert "val/accuracy" in last[0]
        assert sorted(trial.intermediate_values) == [2, 4]
    runs = {path.name: json.loads((path / "results.json").read_text()) for path in (out / "final").iterdir()}
    assert set(runs) == {f"{best.number:04d}-1", f"{best.number:04d}-2", "default-1", "default-2"}
    assert {run["split"] for run in runs.values()} == {"test"}

    text, page = (out / "report.md").read_text(), (out / "report.html").read_text()
    assert f"ssl.refit_weight={best.params['ssl.refit_weight']!r}" in text
    assert "metassl train model=protonet ssl=soft_kmeans" in text
    chosen, default = ([runs[f"{name}-{k}"] for k in (1, 2)] for name in (f"{best.number:04d}", "default"))
    for title, key in (
        ("Chosen against defaults", "accuracy"),
        ("The same on validation classes", "validation"),
    ):
        gain = 50 * sum(c[key]["mean"] - d[key]["mean"] for c, d in zip(chosen, default, strict=True))
        assert f"**{title}**: {gain:+.1f} ± " in text
    assert len(page.encode()) < 5_000_000
    assert page.count("id='plotly'") == 1
    assert page.count("data-plot='") == 3
    assert "://" not in page.split("id='plotly'")[0].replace("http://www.w3.org", "")

    untouched = (out / "final" / "default-1" / "results.json").stat().st_mtime_ns
    assert command.search([*line, "trials=2"]) == 0
    assert (out / "final" / "default-1" / "results.json").stat().st_mtime_ns == untouched
    assert (out / "report.md").read_text() == text
    capsys.readouterr()
    assert report([str(out)]) == 0
    assert text in capsys.readouterr().out
    assert (out / "report.html").read_text() == page

    assert command.search([*line, "trials=3"]) == 0
    assert len(find_study(storage.own_storage(out), "search")[0].trials) == 3
    for word, says in (
        (
            "ssl.refit_weight=log_interval(0.1,20)",
            r"ssl.refit_weight=log_interval\(0.1,10\), wanted .*0.1,20",
        ),
        ("seed=7", "seed=0, wanted seed=7"),
        ("sampler=random", "sampler=tpe, wanted sampler=random"),
        ("trainer.tasks=3", "trainer.tasks=2, wanted trainer.tasks=3"),
        ("model.rounds=2", "model.rounds=its default, wanted model.rounds=2"),
    ):
        key = word.split("=")[0]
        changed = [*(w for w in line if not w.startswith(f"{key}=")), "trials=3", "seeds=[]", word]
        with pytest.raises(ConfigError, match=says) as caught:
            command.search(changed)
        assert "\n" not in str(caught.value)


def test_an_error_goes_down(tmp_path: Path) -> None:
    words = ["model=maml", "ssl=none", "ready=false", "model.inner.rate=choice(0.01,0.02)", "dataset=curves"]
    small = [
        "backbone=mlp_40",
        "backbone.sizes=[6]",
        "episode.queries=4",
        "model.steps=1",
        "model.test_steps=1",
    ]
    line = [*words, *small, *TINY, f"out={tmp_path / 'out'}", "seeds=[]", "sampler=grid", "pruner=none"]
    assert command.search(line) == 0
    study, _ = find_study(storage.own_storage(tmp_path / "out"), "search")
    assert study.direction == optuna.study.StudyDirection.MINIMIZE
    assert sorted(trial.params["model.inner.rate"] for trial in study.trials) == [0.01, 0.02]
    assert "mse" in (tmp_path / "out" / "report.md").read_text()
    assert "test classes were not looked at" in (tmp_path / "out" / "report.md").read_text()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["ssl.refit_weight=interval(3,1)"], "bounds 3.0 and 1.0"),
        (
            ["ssl.refit_weight=interval(-1,1)"],
            "ssl.refit_weight: found -1.0, allowed is a number of at least 0",
        ),
        (["ssl.objective.iterations=interval(1,5)"], "found 1.0.*int_interval"),
        (["ssl.refit_weihgt=interval(0,1)"], "ssl.refit_weihgt.*Did you mean 'ssl.refit_weight'"),
        (["ssl.weight=interval(0,1)"], "ssl.weight=interval.0,1.: has no effect here: .*ssl.refit_weight"),
        (["trials=0", "ssl.refit_weight=interval(0,1)"], "trials: found 0"),
        (["jobs=0"], "jobs: found 0"),
        (["sampler=tpee"], "sampler: found 'tpee'. Did you mean 'tpe'"),
        (["pruner=hyprband"], "Did you mean 'hyperband'"),
        (["storage=sqlit:///x"], "storage: found 'sqlit:///x'"),
        (["seeds=[0]"], "seeds: found 0, by which the trials were chosen"),
        (["seeds=[1,1]"], "different ones"),
        (["ready=false"], "nothing to search.*model=protonet ssl=soft_kmeans with ready=false"),
        (["ready=maybe"], "ready: found 'maybe'"),
        (["model=choice(maml,anil)"], "metassl map compares pairs"),
        (["seed=choice(0,1)"], "seed has one value"),
        (["dataset=choice(glyphs,curves)"], "dataset: can't be searched"),
        (["trainer.steps=choice(2,4)"], "same budget"),
        (["episode.shot=choice(1,2)"], "episode.test.shot="),
        (["evaluation.split=test"], "evaluation.split: trials are judged"),
        (["+ssl.refit_weight=interval(0,1)"], "without \\+ or ~"),
        (
            ["sampler=grid", "ready=false", "ssl.refit_weight=interval(0,1)"],
            "sampler: found grid.*ssl.refit_weight",
        ),
        (
            ["sampler=grid", "ready=false", "ssl.objective.iterations=range(1,3)", "trials=9"],
            "the grid has 2",
        ),
        (["ssl.refit_weight=interval(0,1)", "ssl.refit_weight=interval(0,2)"], "given twice"),
    ],
)
def test_a_slip_is_one_line_and_leaves_nothing(
    data: list[str], tmp_path: Path, words: list[str], line: str
) -> None:
    with pytest.raises(ConfigError, match=line) as caught:
        command.search(["model=protonet", "ssl=soft_kmeans", *data, f"out={tmp_path / 'out'}", *words])
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_no_space_is_known_for_a_pair_of_ones_own(data: list[str], tmp_path: Path) -> None:
    (tmp_path / "my_conf" / "model").mkdir(parents=True)
    (tmp_path / "my_conf" / "model" / "mine.yaml").write_text(
        "# @package _global_\ndefaults:\n  - protonet\n"
    )
    own = [
        "--config-dir",
        str(tmp_path / "my_conf"),
        "model=mine",
        "ssl=none",
        *data,
        f"out={tmp_path / 'out'}",
    ]
    with pytest.raises(ConfigError, match=r"Nothing stands ready for model=mine ssl=none"):
        command.search(own)
    (tmp_path / "my_conf" / "search" / "model").mkdir(parents=True)
    (tmp_path / "my_conf" / "search" / "model" / "mine.yaml").write_text(
        "optimizer.optimizer.lr: interval(0.1, 1)\n"
    )
    found = Space(read_search_options(own))
    assert [each.key for each in found.parameters] == ["optimizer.optimizer.lr"]


def test_words_win_over_the_ready_made_space(data: list[str], tmp_path: Path) -> None:
    words = ["model=maml", "ssl=fixmatch", *data, f"out={tmp_path}"]
    ready = {each.key: each.text for each in Space(read_search_options(words)).parameters}
    assert set(ready) == {
        "optimizer.optimizer.lr",
        "model.inner.rate",
        "ssl.objective.threshold",
        "ssl.weight",
    }
    typed = ["ssl.weight=0.5", "model.inner.rate=interval(0.1,0.2)"]
    found = {each.key: each.text for each in Space(read_search_options([*words, *typed])).parameters}
    assert found == {k: v for k, v in ready.items() if k != "ssl.weight"} | {
        "model.inner.rate": "interval(0.1,0.2)"
    }


def test_an_optimizer_can_be_chosen_and_a_key_counts_if_it_does_for_one_choice(
    data: list[str], tmp_path: Path
) -> None:
    words = ["model=maml", "ssl=soft_kmeans", "ready=false", *data, f"out={tmp_path}"]
    swept = [
        "optimizer=choice(adam,adam_cosine)",
        "ssl.at=choice(inner,outer)",
        "ssl.outer_weight=interval(0,1)",
    ]
    found = Space(read_search_options([*words, *swept]))
    assert [each.key for each in found.parameters] == ["optimizer", "ssl.at", "ssl.outer_weight"]
    with pytest.raises(ConfigError, match=r"optimizer.*adamm.*adam"):
        Space(read_search_options([*words, "optimizer=choice(adam,adamm)"]))


def test_a_storage_that_is_none_is_one_line(data: list[str], tmp_path: Path, monkeypatch) -> None:
    line = [*PAIR, *data, "trials=1", "seeds=[]"]
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"no database at all, but long enough to be read as one" * 40)
    with pytest.raises(DataError, match=r"broken.db can't be read or written .*not a database"):
        command.search([*line, f"out={tmp_path / 'a'}", f"storage=sqlite:///{broken}"])
    locked = tmp_path / "locked.db"
    storage.open_storage(f"sqlite:///{locked}")
    monkeypatch.setattr(storage, "PATIENCE", 0.1)
    holder = sqlite3.connect(locked, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(DataError, match=r"locked.db is locked by another process"):
        command.search([*line, f"out={tmp_path / 'b'}", f"storage=sqlite:///{locked}"])
    holder.close()
    other = tmp_path / "other.db"
    study = optuna.create_study(study_name="search", storage=f"sqlite:///{other}")
    study.tell(study.ask(), 1.0)
    with pytest.raises(UserError, match=r"was not made by metassl search"):
        command.search([*line, f"out={tmp_path / 'c'}", f"storage=sqlite:///{other}"])
    with pytest.raises(DataError, match=r"can't be read or written .*unable to open"):
        command.search([*line, f"out={tmp_path / 'd'}", f"storage=sqlite:///{tmp_path}/none/study.db"])


def test_a_folder_that_holds_no_search_is_one_line(tmp_path: Path) -> None:
    for folder in (tmp_path / "missing", tmp_path):
        with pytest.raises(UserError, match=r"run folder"):
            report([str(folder)])
    (tmp_path / "search.json").write_text("{}")
    with pytest.raises(DataError, match=r"search.json: is damaged at 'storage'"):
        report([str(tmp_path)])
