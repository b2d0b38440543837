"""Matching networks against a loop."""

import numpy as np
import torch

from metassl.heads.cosine_attention import CosineAttention
from tests.support.contexts import WAY, D
from tests.support.heads import soft_rows
from tests.support.numbers import random


def test_against_loops() -> None:
    z, q, w = soft_rows()
    x, scale = random(4, D, seed=5), 3.0
    head = CosineAttention(scale)
    expected = np.zeros((len(x), WAY))
    for j in range(len(x)):
        kernel = [
            float(w[i])
            * np.exp(scale * float(x[j] @ z[i]) / np.sqrt(float(x[j] @ x[j]) * float(z[i] @ z[i])))
            for i in range(len(z))
        ]
        for c in range(WAY):
            expected[j, c] = np.log(sum(k * float(q[i, c]) for i, k in enumerate(kernel)) / sum(kernel))
    torch.testing.assert_close(head.logits(head.fit(z, q, w), x), torch.from_numpy(expected))


def test_probabilities_are_the_attention() -> None:
    """Labels that sum to 1 give logits that are log-probabilities already."""
    head = CosineAttention(10.0)
    logits = head.logits(head.fit(*soft_rows()), random(4, D, seed=5))
    torch.testing.assert_close(logits.softmax(-1), logits.exp())


def test_length_of_the_features_makes_no_difference() -> None:
    head, (z, q, w), x = CosineAttention(10.0), soft_rows(), random(4, D, seed=5)
    lengths = random(len(z), 1, seed=2).exp()
    expected = head.logits(head.fit(z, q, w), x)
    torch.testing.assert_close(head.logits(head.fit(lengths * z, q, w), 7 * x), expected)
