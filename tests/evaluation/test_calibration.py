"""Temperatures, and the calibration error."""

import numpy as np
import pytest
import torch

from metassl.evaluation.calibration import Answers, expected_calibration_error, fitted_temperature

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
