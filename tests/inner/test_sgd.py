"""Gradient descent of an inner loop whose gradients are cut, and one that leaves a part of φ as it is."""

import torch

from metassl.inner.adam import Adam
from metassl.inner.held import Held
from metassl.inner.sgd import SGD


def test_no_entry_of_a_gradient_counts_more_than_the_clip() -> None:
    params, grads = {"w": torch.zeros(3)}, {"w": torch.tensor([-50.0, 0.5, 2.0])}
    step = lambda clip: SGD(params, 0.1, 1, clip=clip).update(grads, None, params, 0, torch.zeros(()))[0]["w"]  # noqa: E731
    torch.testing.assert_close(step(2.0), torch.tensor([0.2, -0.05, -0.2]))
    torch.testing.assert_close(step(None), torch.tensor([5.0, -0.05, -0.2]))


def test_what_is_held_stays_and_the_others_move_as_alone() -> None:
    params = {"w": torch.ones(2), "kept": torch.ones(3)}
    grads = {name: torch.full_like(p, 2.0) for name, p in params.items()}
    alone = {"w": params["w"]}
    adam = Adam(alone)
    held = Held(adam, ["kept"])
    state, plain = held.init(params), adam.init(alone)
    for step in range(2):
        params, state = held.update(grads, state, params, step, torch.zeros(()))
        alone, plain = adam.update({"w": grads["w"]}, plain, alone, step, torch.zeros(()))
    assert torch.equal(params["kept"], torch.ones(3))
    assert torch.equal(params["w"], alone["w"])
    assert not torch.equal(params["w"], torch.ones(2))
