"""Fits are those of the meta-test, in the values' own units."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from omegaconf import DictConfig
from PIL import Image
from pyarrow.parquet import read_table

from metassl.cli.evaluate import run_config
from metassl.cli.report import report_fits
from metassl.data.curves.families import Sine
from metassl.errors import UserError
from metassl.experiments.execute import execute_run
from metassl.experiments.kept import Kept
from metassl.experiments.planned_runs import PlannedRun
from metassl.reports.fitted_tasks import fitted_tasks
from tests.conftest import CONF, TINY

WORDS = ("dataset=curves", "model=maml", *(word for word in TINY if word != "trainer.progress=false"))


def trained(folder: Path, *words: str) -> Path:
    run = PlannedRun("run", (*WORDS, *words))
    assert execute_run(Kept(), run, folder, CONF) is not None
    return folder / "run"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of curves whose values are standardised, and whose objective sees changed views of U."""
    return trained(tmp_path_factory.mktemp("fits"), "ssl=consistency", "ssl.weight=100")


def test_fits_score_what_the_meta_test_scored(run: Path) -> None:
    score, tasks = fitted_tasks(run_config(run, []), run, 4)
    stored = read_table(run / "episodes.parquet")
    assert score.name == "mse"
    for name, column in (("with U", "mse"), ("without U", "mse_deprived")):
        found = [task.scores[name] for task in tasks]
        measured = stored[column].drop_null().to_numpy()  # a diagnostic is of the first episodes
        np.testing.assert_allclose(found[: len(measured)], measured, rtol=1e-4)
        drawn = [np.square(task.predictions[name] - task.queries[:, 1]).mean() for task in tasks]
        np.testing.assert_allclose(drawn, found, rtol=1e-4)
    assert any(task.scores["with U"] != task.scores["without U"] for task in tasks)


def test_points_lie_on_the_curve_and_unlabelled_ones_as_they_are(run: Path) -> None:
    config = run_config(run, [])
    draw = fitted_tasks(config, run, 3)[1]
    jittered = config.copy()
    jittered.dataset.views.weak.noise = jittered.dataset.views.strong.noise = 50.0
    again = fitted_tasks(jittered, run, 3)[1]
    for task, other in zip(draw, again, strict=True):
        assert (task.support.shape, task.queries.shape, task.unlabelled.shape) == ((10, 2), (20, 2), (20,))
        assert (np.diff(task.queries[:, 0]) >= 0).all()
        assert np.abs(task.unlabelled).max() <= 5
        assert (task.unlabelled == other.unlabelled).all()
        a, phase = _sine_through(task.queries)
        for x, y in (*task.support, *task.queries):
            assert y == pytest.approx(
                Sine().value(np.array([[a, phase, 1.0, 0.0]]), np.array([[[x]]]))[0, 0], abs=1e-3
            )


def _sine_through(points: np.ndarray) -> tuple[float, float]:
    """A and φ of A sin(x - φ), by least squares."""
    x, y = points.astype(np.float64).T
    (s, c), *_ = np.linalg.lstsq(np.stack([np.sin(x), np.cos(x)], axis=1), y)
    return float(np.hypot(s, c)), float(np.arctan2(-c, s))


def test_the_command_draws_them_and_says_where(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report_fits([f"run={run}", "episode.queries=30"]) == 0
    assert capsys.readouterr().out == f"{run / 'fits.png'}\n"
    with Image.open(run / "fits.png") as picture:
        picture.load()
        assert min(picture.size) > 600
        assert len(picture.convert("RGB").getcolors(1 << 24) or ()) > 100


def test_a_learner_without_u_has_one_prediction_and_no_ticks(tmp_path: Path) -> None:
    run = trained(tmp_path, "ssl=none", "episode.shot=[3,6]")
    _, tasks = fitted_tasks(run_config(run, []), run, 4)
    assert all(list(task.predictions) == ["prediction"] and not task.unlabelled.size for task in tasks)
    sizes = {len(task.support) for task in tasks}
    assert sizes <= {3, 4, 5, 6}
    assert len(sizes) > 1


def test_what_is_no_curve_is_one_line(
    run: Path, make_config: Callable[..., DictConfig], tmp_path: Path
) -> None:
    two = run_config(run, ["dataset.source.inputs=2"])
    ranks = run_config(run, [])
    ranks.outcome = {"_target_": "metassl.outcomes.ranking.Ranking", "method": "listwise", "top": 5}
    for config, line in (
        (make_config(), "found tasks that ask for classes; fits are drawn of tasks that ask for values"),
        (ranks, "found tasks that ask for an order; fits"),
        (two, r"found inputs of shape \(2,\) with 1 values"),
    ):
        with pytest.raises(UserError, match=line) as caught:
            fitted_tasks(config, tmp_path, 1)
        assert "\n" not in str(caught.value)
