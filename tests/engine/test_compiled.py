"""The compiled kernels give what PyTorch's operations give, and their engine what the loop gives."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from metassl.data.pool import Pool
from metassl.engine.auto import Auto
from metassl.engine.compiled import Compiled
from metassl.engine.loop import Loop
from metassl.norms import kernels
from metassl.norms.pooled import channels_last, in_cpp, norm_max_pool
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.none import NoObjective
from metassl.tasks.stage import TEST
from tests.support.agreement import assert_agree
from tests.support.calls import outer_gradients, query_logits
from tests.support.episodes import episodes
from tests.support.learners import NORMS, gradient_learner, head_learner
from tests.support.numbers import flat, random
from tests.support.terms import term

SIDES = [(6, 6), (7, 5), (2, 3)]
ROWS = [None, torch.tensor([1.0, 0, 0.5, 1]).double()]
WEIGHT = torch.tensor([1.0, -0.5, 0.3]).double()  # a falling map takes the minimum of a window


@pytest.fixture(scope="session")
def cache(request: pytest.FixtureRequest) -> Path:
    """The built kernels, kept between test runs."""
    return request.config.cache.mkdir("kernels")


@pytest.fixture
def loaded(cache: Path) -> None:
    kernels.load(cache)


def compiled(x: Tensor, weight: Tensor, bias: Tensor, rows: Tensor | None) -> Tensor:
    with in_cpp():
        return norm_max_pool(x, weight, bias, rows, 1e-5)


def inputs(*sides: int) -> list[Tensor]:
    x = 2 + random(4, 3, *sides)
    return [x.requires_grad_(), WEIGHT.clone().requires_grad_(), random(3, seed=1).requires_grad_()]


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("sides", SIDES)
@pytest.mark.parametrize("rows", ROWS)
def test_values_and_both_derivatives(rows: Tensor | None, sides: tuple[int, int]) -> None:
    given = inputs(*sides)
    torch.testing.assert_close(
        compiled(*given, rows), norm_max_pool(*given, rows, 1e-5), rtol=1e-12, atol=1e-12
    )
    assert torch.autograd.gradcheck(lambda *a: compiled(*a, rows), given)
    assert torch.autograd.gradgradcheck(lambda *a: compiled(*a, rows), given)


@pytest.mark.usefixtures("loaded")
def test_single_precision_loses_no_more_than_torch() -> None:
    """A mean of a hundred deviations: the variance must not be a difference of large numbers."""
    x = channels_last(100 + random(75, 3, 28, 28))
    exact = norm_max_pool(x, WEIGHT, WEIGHT, None, 1e-5)
    found = compiled(x.float(), WEIGHT.float(), WEIGHT.float(), None)
    assert (found - exact).abs().max() < 1e-4  # the inputs' own rounding is 4e-6 deviations


@pytest.mark.usefixtures("loaded")
def test_a_third_derivative_is_refused() -> None:
    x, weight, bias = inputs(6, 6)
    (first,) = torch.autograd.grad(compiled(x, weight, bias, None).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="no third derivative"):
        torch.autograd.grad(first.square().sum(), x, create_graph=True)


@pytest.mark.parametrize("objective", [NoObjective, Consistency])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("make", [gradient_learner, head_learner])
def test_agrees_with_the_loop(cache: Path, tiny_pool: Pool, make, norm: str, objective) -> None:
    ssl = term(objective())
    tasks = episodes(tiny_pool, ssl, 3)
    assert_agree(make(norm, ssl), tasks, (Compiled(cache, 2),), rtol=1e-10, atol=1e-10)


def test_map_agrees(cache: Path, tiny_pool: Pool) -> None:
    ssl = term(Consistency())
    tasks, learner = episodes(tiny_pool, ssl, 3), gradient_learner("batch", ssl)
    with torch.inference_mode():
        one, found = (
            engine.map(learner, lambda copy, task: query_logits(copy, task, TEST), tasks)
            for engine in (Loop(), Compiled(cache, 2))
        )
    torch.testing.assert_close(found, one, rtol=1e-12, atol=1e-12)


def test_without_a_compiler_one_line_and_auto_goes_on(
    tiny_pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "_loaded", lambda: False)
    monkeypatch.setenv("CXX", "no-such-compiler")
    engine, ssl = Compiled(tmp_path, 1), term(NoObjective())
    learner, tasks = gradient_learner("batch", ssl), episodes(tiny_pool, ssl, 2)
    with pytest.raises(kernels.NoKernels, match="found no 'no-such-compiler'"):
        outer_gradients(learner, tasks, engine=engine)
    assert not list(tmp_path.glob("*.so"))
    auto = Auto({"compiled": engine, "loop": Loop()}, tmp_path / "engines.json", 1)
    expected, _ = outer_gradients(learner, tasks)
    found, _ = outer_gradients(learner, tasks, engine=auto)
    torch.testing.assert_close(flat(found), flat(expected), rtol=1e-12, atol=1e-12)
    assert list(auto.seconds) == ["loop"]


def test_a_source_that_does_not_build_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "broken.cpp"
    source.write_text("not C++;")
    monkeypatch.setattr(kernels, "_loaded", lambda: False)
    monkeypatch.setattr(kernels, "SOURCE", source)
    with pytest.raises(kernels.NoKernels, match=r"can't build the kernels .*error"):
        kernels.load(tmp_path / "cache")
