"""The LSTM meta-learner against SGD, against torch's LSTM cell, and coordinate by coordinate."""

from functools import partial
from math import exp, log

import pytest
import torch
from torch import Tensor, nn

from metassl.data.pool import Pool
from metassl.inner.base import MakeInner
from metassl.inner.meta_lstm import MetaLSTM, preprocess
from metassl.learners.gradient.learner import GradientLearner
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.none import NoObjective
from metassl.ssl.term import SSLTerm
from tests.support.agreement import assert_engines_agree, assert_padding_is_harmless
from tests.support.calls import TRAIN, adapt, outer_gradient
from tests.support.episodes import episodes
from tests.support.learners import Smooth, gradient_learner, sgd
from tests.support.numbers import assert_same, random
from tests.support.objectives import OBJECTIVES
from tests.support.terms import term


def rule(hidden: int = 5) -> MetaLSTM:
    torch.manual_seed(0)
    return MetaLSTM({}, hidden, 8.0, 0.1).double()


def build(norm: str, ssl: SSLTerm, inner: MakeInner | None = None) -> GradientLearner:
    return gradient_learner(norm, ssl, 1, Smooth, inner=inner or partial(MetaLSTM, hidden=5))


def stirred(inner: MetaLSTM) -> MetaLSTM:
    """Weights large enough for every input to count."""
    for p in inner.parameters():
        nn.init.normal_(p)
    return inner


def test_fixed_gates_are_sgd(tiny_pool: Pool) -> None:
    ssl = term(Consistency())
    task = episodes(tiny_pool, ssl, 1).task(0)
    ours, plain = build("batch", ssl), build("batch", ssl, sgd(0.1, 1, learned=False))
    plain.inner.rates.data.fill_(0.1)
    for layer in (ours.inner.inputs, ours.inner.forget_gate, ours.inner.take_gate):
        nn.init.zeros_(layer.weight)
    nn.init.constant_(ours.inner.forget_gate.bias, 60.0)  # f = 1
    nn.init.constant_(ours.inner.take_gate.bias, log(0.1 / 0.9))  # i = 0.1
    theta = {n: p for n, p in ours.theta().items() if not n.startswith("inner.")}
    found = adapt(ours, task, TRAIN).overlay
    expected = adapt(plain, task, TRAIN, theta={**plain.theta(), **theta}).overlay
    assert_same(found, expected)


def test_gates_start_near_sgd() -> None:
    inner = rule()
    state = inner.init({"x": random(7)})
    _, after = inner.update({"x": random(7)}, state, {"x": random(7)}, 0, torch.tensor(1.5).double())
    torch.testing.assert_close(after["x"].take, torch.full((7, 1), 0.1).double(), rtol=0.05, atol=0)
    assert (after["x"].forget > 0.999).all()


def test_two_steps_against_torchs_cell() -> None:
    inner = stirred(rule(4))
    cell = nn.LSTMCell(4, 4).double()
    with torch.no_grad():
        cell.weight_ih.copy_(inner.inputs.weight[:, :4]), cell.weight_hh.copy_(inner.inputs.weight[:, 4:])
        # torch's order of the gates is ours: in, forget, cell, out -> in, forget, out, cell
        order = torch.cat([torch.arange(4) + 4 * k for k in (0, 1, 3, 2)])
        for p in (cell.weight_ih, cell.weight_hh):
            p.copy_(p[order])
        cell.bias_ih.copy_(inner.inputs.bias[order]), cell.bias_hh.zero_()
    phi, state = {"x": random(3, 2)}, inner.init({"x": random(3, 2)})
    c, memory, f, i = phi["x"].reshape(-1, 1), None, torch.zeros(6, 1).double(), torch.zeros(6, 1).double()
    for step in range(2):
        slope, loss = random(3, 2, seed=step + 1), torch.tensor(0.7 + step).double()
        phi, state = inner.update({"x": slope}, state, phi, step, loss)
        told = preprocess(loss.view(1, 1)).expand(6, 2)
        memory = cell(torch.cat((preprocess(slope.view(-1, 1)), told), 1), memory)
        f = inner.forget_gate(torch.cat((memory[0], c, f), 1)).sigmoid()
        i = inner.take_gate(torch.cat((memory[0], c, i), 1)).sigmoid()
        c = f * c - i * slope.view(-1, 1)
        torch.testing.assert_close(phi["x"].reshape(-1, 1), c, rtol=1e-10, atol=1e-12)


def test_coordinates_see_nothing_of_one_another() -> None:
    inner = stirred(rule())

    def after(slope: Tensor) -> Tensor:
        phi, state = {"x": random(4)}, inner.init({"x": random(4)})
        for step in range(2):
            phi, state = inner.update({"x": slope}, state, phi, step, torch.tensor(1.0).double())
        return phi["x"]

    slope = random(4, seed=3)
    other = slope.clone()
    other[2] += 1
    changed = after(other) != after(slope)
    assert changed.tolist() == [False, False, True, False]


@pytest.mark.parametrize("value", [0.0, exp(-10) / 3, -exp(-10) / 3, 0.2, -40.0])
def test_preprocessing(value: float) -> None:
    found = preprocess(torch.tensor([[value]]).double())[0]
    if abs(value) >= exp(-10):
        expected = [log(abs(value)) / 10, 1.0 if value > 0 else -1.0]
    else:
        expected = [-1.0, exp(10) * value]
    torch.testing.assert_close(found, torch.tensor(expected).double())


def test_gates_and_the_start_learn(tiny_pool: Pool) -> None:
    ssl = term(NoObjective())
    found = outer_gradient(build("batch", ssl), episodes(tiny_pool, ssl, 1).task(0))
    for name in ("forget_gate.weight", "take_gate.bias", "inputs.weight"):
        assert found[f"inner.{name}"].any()
    assert all(torch.isfinite(g).all() for g in found.values())
    assert found["backbone.convs.0.weight"].any()


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_engines_agree(tiny_pool: Pool, objective: str) -> None:
    assert_engines_agree(build, tiny_pool, "batch", objective)


def test_padding(tiny_pool: Pool) -> None:
    assert_padding_is_harmless(build, tiny_pool, "group")
