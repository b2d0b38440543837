"""The engine that picks: it takes the fastest, gives what the picked one gives, and remembers."""

import json
import time
from pathlib import Path

import pytest
import torch

from metassl.data.pool import Pool
from metassl.engine.auto import Auto
from metassl.engine.loop import Loop
from metassl.engine.vmap import Vmap
from metassl.learners.base import MetaLearner
from metassl.ssl.none import NoObjective
from tests.support.calls import outer_gradients
from tests.support.episodes import episodes
from tests.support.learners import gradient_learner, head_learner, maml
from tests.support.numbers import flat
from tests.support.terms import term


class Slow(Loop):
    """A loop with a pause."""

    def gradients(self, *args):
        time.sleep(0.2)
        return super().gradients(*args)


class Broken(Vmap):
    """An engine that has no rule for some operation."""

    def gradients(self, *args):
        raise RuntimeError("no batching rule")


def test_takes_the_fastest_and_remembers(
    tiny_pool: Pool, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    ssl = term(NoObjective())
    learner = gradient_learner("batch", ssl)
    tasks = episodes(tiny_pool, ssl, 2)
    cache = tmp_path / "new" / "engines.json"
    auto = Auto({"slow": Slow(), "broken": Broken(1), "loop": Loop()}, cache, 1)
    expected, _ = outer_gradients(learner, tasks)
    for _ in range(5):
        found, _ = outer_gradients(learner, tasks, engine=auto)
        torch.testing.assert_close(flat(found), flat(expected), rtol=1e-10, atol=1e-10)
    assert auto.chosen == "loop"
    assert "engine=auto takes loop" in capsys.readouterr().out
    assert list(json.loads(cache.read_text()).values()) == ["loop"]
    again = Auto({"slow": Slow(), "loop": Loop()}, cache, 1)
    outer_gradients(learner, tasks, engine=again)
    assert again.chosen == "loop"
    other = Auto({"slow": Slow(), "loop": Loop()}, cache, 1)
    outer_gradients(learner, episodes(tiny_pool, ssl, 3), engine=other)
    assert other.chosen is None  # other shapes are measured anew


def test_an_error_of_the_work_itself_is_not_swallowed(tiny_pool: Pool, tmp_path: Path) -> None:
    ssl = term(NoObjective())
    auto = Auto({"a": Broken(1), "b": Broken(1)}, tmp_path / "engines.json", 1)
    learner = gradient_learner("batch", ssl)
    with pytest.raises(RuntimeError, match="no batching rule"):
        outer_gradients(learner, episodes(tiny_pool, ssl, 2), engine=auto)


def test_moving_averages_leave_the_loop_alone(tiny_pool: Pool, tmp_path: Path) -> None:
    ssl = term(NoObjective())
    learner = head_learner("running", ssl)
    auto = Auto({"vmap": Vmap(2), "loop": Loop()}, tmp_path / "engines.json", 1)
    for _ in range(2):
        outer_gradients(learner, episodes(tiny_pool, ssl, 2), engine=auto)
    assert auto.chosen == "loop"


@pytest.mark.parametrize("change", ["norm", "steps", "order"])
def test_a_choice_holds_for_the_same_learner_only(tiny_pool: Pool, tmp_path: Path, change: str) -> None:
    """What changes the work and no parameter's shape."""
    ssl, cache = term(NoObjective()), tmp_path / "engines.json"
    tasks = episodes(tiny_pool, ssl, 2)

    def chosen(learner: MetaLearner, runs: int) -> str | None:
        auto = Auto({"vmap": Vmap(2), "loop": Loop()}, cache, 1)
        for _ in range(runs):
            outer_gradients(learner, tasks, engine=auto)
        return auto.chosen

    if change == "norm":
        one, other = head_learner("batch", ssl), head_learner("running", ssl)
    else:
        one, other = gradient_learner("batch", ssl), gradient_learner("batch", ssl)
        setattr(other, change, 1)
    assert chosen(one, 4) is not None
    assert chosen(one, 1) is not None  # recalled
    assert chosen(other, 1) is None


@pytest.mark.parametrize("kept", ["vmap", "absent", 3])
def test_only_an_engine_that_may_run_is_recalled(tiny_pool: Pool, tmp_path: Path, kept: object) -> None:
    ssl, cache = term(NoObjective()), tmp_path / "engines.json"
    learner, tasks = head_learner("running", ssl), episodes(tiny_pool, ssl, 2)
    for name in ("first", "second"):  # the second finds what the first kept, changed by hand
        auto = Auto({"vmap": Vmap(2), "loop": Loop()}, cache, 1)
        for _ in range(2):
            outer_gradients(learner, tasks, engine=auto)
        assert auto.chosen == "loop", name
        cache.write_text(json.dumps(dict.fromkeys(json.loads(cache.read_text()), kept)))


def test_a_damaged_cache_is_written_anew(tiny_pool: Pool, tmp_path: Path) -> None:
    cache = tmp_path / "engines.json"
    cache.write_text("[1, 2")
    ssl = term(NoObjective())
    learner = maml(ssl)
    auto = Auto({"loop": Loop()}, cache, 1)
    for _ in range(2):
        outer_gradients(learner, episodes(tiny_pool, ssl, 2), engine=auto)
    assert list(json.loads(cache.read_text()).values()) == ["loop"]
