"""A study that is killed at any moment and goes on has the trials that an undisturbed one has, to the bit."""

import random
from functools import partial
from itertools import product
from math import log
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.trial import TrialState

from metassl.errors import UserError
from metassl.search import going_on
from metassl.search.going_on import alone_in
from metassl.search.loop import HOPELESS
from metassl.search.storage import JOURNAL, open_storage, own_storage
from metassl.search.study import best_trial, ended_trials
from metassl.search.trial import TrialEnd
from tests.support.searching import STEPS, Here, pretend, said_of, search_here, space_of

SPACE = space_of(
    "ssl.weight=log_interval(0.01,10)", "model.steps=int_interval(1,8)", "ssl.rule=choice(a,b,c)"
)
GRID = space_of("model.steps=int_interval(1,4)", "ssl.rule=choice(a,b,c)")
WRITES = ("set_trial_param", "set_trial_user_attr", "set_trial_intermediate_value", "set_trial_state_values")


class Killed(BaseException):
    """What a process that is killed does next: nothing."""


def curve(values: dict[str, str], step: int) -> float:
    """Best at weight 1 with 4 steps and rule b, and rising with the step."""
    off = abs(log(float(values.get("ssl.weight", "1")))) + abs(int(values["model.steps"]) - 4)
    return 0.5 * step / STEPS - 0.05 * off + 0.1 * (values["ssl.rule"] == "b")


HERE = Here(partial(pretend, curve))


def killed_at(monkeypatch: pytest.MonkeyPatch, writes: int) -> None:
    """After so many writes to the storage the process is gone, in the place of the next one."""
    left = [writes]

    def dying(write: Any, *args: Any, **kwargs: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        return write(*args, **kwargs)

    for kind, name in product((RDBStorage, JournalStorage), WRITES):
        real = getattr(kind, name)
        monkeypatch.setattr(kind, name, lambda *a, w=real, **k: dying(w, *a, **k))


@pytest.mark.parametrize(
    ("sampler", "pruner", "kind"),
    [
        ("random", "hyperband", "sqlite"),
        ("tpe", "hyperband", "journal"),
        ("tpe", "median", "journal"),
        ("cmaes", "none", "journal"),
        ("gp", "none", "journal"),
        ("grid", "none", "journal"),
    ],
)
def test_a_killed_study_has_the_trials_of_an_undisturbed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sampler: str, pruner: str, kind: str
) -> None:
    """TPE and the Gaussian process begin after ten trials, CMA-ES after one."""
    space, trials = (GRID, 12) if sampler == "grid" else (SPACE, 14 if kind == "journal" else 5)

    def search(name: str) -> optuna.Study:
        (tmp_path / name).mkdir(exist_ok=True)
        place = own_storage(tmp_path / name) if kind == "sqlite" else None
        return search_here(tmp_path / name, space, HERE, trials, sampler, pruner, place=place)

    whole = said_of(search("whole"))
    assert len(whole) == trials
    draw, kills = random.Random(0), 0
    while True:
        with monkeypatch.context() as patch:
            killed_at(patch, draw.randrange(1, 3 * trials))
            try:
                study = search("killed")
                break
            except Killed:
                kills += 1
    assert kills > 2
    assert said_of(study) == whole
    if kind == "journal":  # five trials are too few for one that is ended early
        assert (pruner != "none") == ("PRUNED" in {state for _, state, *_ in whole})


def test_another_seed_is_another_study(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    a, b = (search_here(tmp_path / n, SPACE, HERE, 4, seed=s) for n, s in (("a", 0), ("b", 1)))
    assert [t.params for t in a.trials] != [t.params for t in b.trials]


def test_a_study_finds_what_is_good_and_less_is_better_of_an_error(tmp_path: Path) -> None:
    for name, score, sign in (("up", "accuracy", 1), ("down", "mse", -1)):
        (tmp_path / name).mkdir()
        here = Here(partial(pretend, lambda values, step, s=sign: s * curve(values, step)))
        study = search_here(tmp_path / name, SPACE, here, 15, pruner="none", score=score)
        best = best_trial(ended_trials(study), score == "accuracy")
        assert best is not None
        assert best.value == study.best_value
        assert best.params["ssl.rule"] == "b"


def test_trials_are_counted_over_all_calls_and_a_longer_study_goes_on(tmp_path: Path) -> None:
    first = said_of(search_here(tmp_path, SPACE, HERE, 3))
    assert said_of(search_here(tmp_path, SPACE, HERE, 3)) == first
    assert said_of(search_here(tmp_path, SPACE, HERE, 5))[:3] == first
    (tmp_path / "whole").mkdir()
    assert said_of(search_here(tmp_path / "whole", SPACE, HERE, 5)) == said_of(
        search_here(tmp_path, SPACE, HERE, 5)
    )


def test_two_folders_share_a_study_and_leave_each_other_s_trials_alone(tmp_path: Path) -> None:
    """One that runs in another folder is somebody's work, and counts."""
    place = f"{JOURNAL}{tmp_path / 'study.log'}"
    homes = [tmp_path / name for name in ("here", "there")]
    for home in homes:
        home.mkdir()

    def dies(kept: object, task: object) -> TrialEnd:
        raise Killed

    with pytest.raises(Killed):
        search_here(homes[1], SPACE, Here(dies), 3, place=place)
    search_here(homes[1], SPACE, HERE, 1, place=place)
    study = search_here(homes[0], SPACE, HERE, 4, place=place)
    assert [trial.state for trial in study.trials].count(TrialState.RUNNING) == 0
    assert {trial.user_attrs["home"] for trial in study.trials} == {"here", "there"}
    assert len(study.trials) == 4


def test_a_trial_whose_process_died_before_it_said_its_home_is_done_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = f"{JOURNAL}{tmp_path / 'study.log'}"
    (tmp_path / "here").mkdir()
    search_here(tmp_path / "here", SPACE, HERE, 1, place=place).ask()  # and nothing more is heard of it
    monkeypatch.setattr(going_on, "GRACE", 0.0)
    study = search_here(tmp_path / "here", SPACE, HERE, 2, place=place)
    assert [trial.state for trial in study.trials] == 2 * [TrialState.COMPLETE]


def test_one_process_at_a_time_searches_in_a_folder(tmp_path: Path) -> None:
    with alone_in(tmp_path), pytest.raises(UserError, match=r"another process searches"), alone_in(tmp_path):
        pass
    with alone_in(tmp_path):
        pass


def test_a_search_gives_up_where_every_trial_fails(tmp_path: Path) -> None:
    fails = Here(lambda kept, task: TrialEnd("failed", why="out of memory"))
    with pytest.raises(UserError, match=f"first {HOPELESS} trials have failed.*out of memory"):
        search_here(tmp_path, SPACE, fails, 10)


def test_a_fault_of_its_own_counts_once_and_a_lost_storage_does_not(tmp_path: Path) -> None:
    ends = [TrialEnd("done", 0.5), TrialEnd("failed", why="x"), TrialEnd("lost", why="storage: is locked")]

    def next_end(kept: object, task: object) -> TrialEnd:
        return ends.pop(0)

    with pytest.raises(UserError, match=r"is locked"):
        search_here(tmp_path, SPACE, Here(next_end), 5)
    study = search_here(tmp_path, SPACE, HERE, 3)
    assert [trial.state.name for trial in study.trials][:2] == ["COMPLETE", "FAIL"]
    assert len(study.trials) == 3


def test_a_storage_is_opened_by_a_worker_without_signs_of_life(tmp_path: Path) -> None:
    storage: BaseStorage = open_storage(f"sqlite:///{tmp_path}/study.db")
    assert storage.get_heartbeat_interval() is None
