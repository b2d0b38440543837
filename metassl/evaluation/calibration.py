"""Are probabilities what they say? A temperature that makes them so, chosen on validation tasks.

Legend: n queries of many tasks, K classes, T tasks, Q queries.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from torch import Tensor

from metassl.evaluation.features import MetaTest, embed_once
from metassl.tasks.stage import TEST

BINS = 15
SPAN = (-5.0, 8.0)  # of log t: squared distances in many dimensions can be hundreds apart
FEW = 100  # queries, of which fewer say nothing of a temperature


@dataclass(frozen=True)
class Answers:
    """What a learner says of queries.

    Attributes:
        logits: [n, K].
        y: [n] their classes.
    """

    logits: Tensor
    y: Tensor

    def log_probabilities(self, temperature: float = 1.0) -> Tensor:
        """[n, K] log softmax(logits / t)."""
        return (self.logits / temperature).log_softmax(-1)

    def error(self, temperature: float = 1.0) -> float:
        """The expected calibration error, 0..1, see `expected_calibration_error`."""
        p = self.log_probabilities(temperature).exp()
        sure, found = p.max(-1)
        return expected_calibration_error(sure.numpy(), (found == self.y).numpy())


@torch.no_grad()
def answers(test: MetaTest) -> Answers:
    """All queries of a stream's tasks, without padding."""
    fast = embed_once(test, [TEST])
    fast.learner.eval()
    logits, y = [], []
    for batch in fast.batches():
        tasks = batch.episodes
        there = tasks.query_weight > 0
        logits.append(fast.query_logits(tasks, TEST)[there].double().cpu())
        y.append(tasks.query_y[there].cpu())
    return Answers(torch.cat(logits), torch.cat(y))


def fitted_temperature(found: Answers) -> float:
    """The t > 0 under which softmax(logits / t) gives the classes the largest likelihood.

    t = argmin -Σ log softmax(logits_i / t)_{y_i}, and 1 of fewer than a hundred queries. Accuracy is the same
    for every t. Source: Guo et al. 2017, On Calibration of Modern Neural Networks, section 4.2.
    """
    if len(found.y) < FEW:
        return 1.0

    def cost(log_t: float) -> float:
        log_p = found.log_probabilities(float(np.exp(log_t)))
        return float(-log_p.gather(1, found.y.unsqueeze(1)).mean())

    best = minimize_scalar(cost, bounds=SPAN, method="bounded", options={"xatol": 1e-4})
    return float(np.exp(best.x))


def expected_calibration_error(sure: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """How far, in the mean, the share of right answers is from how sure they are, 0..1.

    Σ_b (n_b / n) |right_b - sure_b| over 15 bins of equal width. Source: Naeini et al. 2015; Guo et al. 2017,
    eq. 3.

    Args:
        sure: [n] the probability of each answer, 0..1.
        right: [n] whether it is right.
    """
    place = np.minimum((sure * BINS).astype(int), BINS - 1)
    off = np.bincount(place, right.astype(np.float64) - sure, BINS)
    return float(np.abs(off).sum() / len(sure))


def calibration(validation: MetaTest, test: MetaTest) -> dict[str, float]:
    """The temperature by validation tasks, and the error on test tasks without and with it."""
    temperature, of_test = fitted_temperature(answers(validation)), answers(test)
    return {
        "temperature": temperature,
        "error": of_test.error(),
        "error_calibrated": of_test.error(temperature),
    }
