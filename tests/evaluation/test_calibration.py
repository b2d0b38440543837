"""Temperatures, and the calibration error."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from metassl.data.task_stream import TaskStream
from metassl.engine.loop import Loop
from metassl.evaluation.calibration import Answers, expected_calibration_error, fitted_temperature
from metassl.evaluation.calibration import answers as answers_of
from metassl.evaluation.features import MetaTest
from metassl.trained.build import build_learner
from metassl.training import checkpoints
from metassl.training.build import build_episodes, build_source, build_task_spec
from metassl.training.run import train_and_test
from metassl.training.weights import load_weights
from tests.conftest import TINY
from tests.support.composing import composed

GENERATOR = torch.Generator().manual_seed(0)


def answers(times: float, n: int = 20_000) -> Answers:
    """Logits whose classes are drawn from their softmax, then multiplied."""
    logits = 2 * torch.randn(n, 4, generator=GENERATOR, dtype=torch.float64)
    y = torch.multinomial(logits.softmax(-1), 1, generator=GENERATOR).squeeze(1)
    return Answers(times * logits, y)


@pytest.mark.parametrize("times", [0.1, 1.0, 30.0])
def test_the_temperature_undoes_a_factor(times: float) -> None:
    found = answers(times)
    temperature = fitted_temperature(found)
    assert temperature == pytest.approx(times, rel=0.05)
    assert found.error(temperature) < 0.02
    if times != 1:
        assert found.error() > 0.1


def test_classes_that_a_task_lacks_change_nothing() -> None:
    found = answers(3.0)
    wider = torch.cat((found.logits, torch.full((len(found.y), 2), -torch.inf)), dim=1)
    assert fitted_temperature(Answers(wider, found.y)) == pytest.approx(fitted_temperature(found))


def test_the_error_by_hand() -> None:
    """Two bins: three answers at 0.95, two of them right, and one at 0.55 that is."""
    sure, right = np.array([0.95, 0.95, 0.95, 0.55]), np.array([True, True, False, True])
    assert expected_calibration_error(sure, right) == pytest.approx(3 / 4 * (0.95 - 2 / 3) + 1 / 4 * 0.45)
    assert expected_calibration_error(np.ones(3), np.ones(3, bool)) == 0


def test_few_queries_say_nothing_of_a_temperature() -> None:
    assert fitted_temperature(answers(30.0, 99)) == 1
    assert fitted_temperature(answers(30.0, 100)) > 10


def test_a_run_takes_its_temperature_from_validation_tasks_alone(tmp_path: Path) -> None:
    words = (
        "model=protonet",
        "ssl=none",
        "backbone.depth=2",
        "backbone.norm=group",
    )
    config = composed(*words, *TINY, "evaluation.val_episodes=8", "evaluation.episodes=8")
    config.paths.output_dir = str(tmp_path / "run")
    (tmp_path / "run").mkdir()
    train_and_test(config, tmp_path / "run", {}, [])
    source = build_source(config)
    learner = build_learner(config, build_task_spec(config, source))
    load_weights(learner, checkpoints.tested_checkpoint(config, tmp_path / "run"))
    found = {}
    for split in ("val", "test"):
        builder = build_episodes(config, source, learner, split, config.evaluation.seed)
        found[split] = answers_of(MetaTest(learner.eval(), Loop(), TaskStream(builder, 4, 8)))
    noted = json.loads((tmp_path / "run" / "results.json").read_text())["calibration"]
    temperature = fitted_temperature(found["val"])
    assert noted["temperature"] == pytest.approx(temperature, rel=1e-3)
    assert noted["temperature"] != pytest.approx(fitted_temperature(found["test"]), rel=1e-2)
    few = config.evaluation.baseline_episodes
    builder = build_episodes(config, source, learner, "test", config.evaluation.seed)
    of_test = answers_of(MetaTest(learner, Loop(), TaskStream(builder, 4, min(few, 8))))
    assert noted["error"] == pytest.approx(of_test.error(), abs=1e-4)
    assert noted["error_calibrated"] == pytest.approx(of_test.error(temperature), abs=1e-3)
