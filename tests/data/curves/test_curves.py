"""Curves: families by hand, and episodes that keep the sampler's promises."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from metassl.data.builder import EpisodeBuilder
from metassl.data.curves.families import Polynomial, QuadraticSurface, Ripple, Sine
from metassl.data.curves.sampler import CurveSampler
from metassl.data.curves.spec import PointSpec, point_spec
from metassl.data.curves.tasks import Curves
from metassl.data.task_source import TaskSource
from metassl.errors import ConfigError
from metassl.instantiate import instantiate
from metassl.outcomes.regression import Regression
from metassl.tasks.episode import Episode
from tests.support.composing import composed

SPEC = {"shot": 5, "queries": 7, "unlabelled": 6, "transductive": False}
KINDS = {"sine": Sine(), "line": Polynomial([(-3, 3), (-3, 3)]), "bowl": QuadraticSurface()}


def sampler(
    spec: PointSpec | None = None, seed: int = 0, split: str = "train", **source: object
) -> CurveSampler:
    made = Curves(KINDS, **{"families": ["sine", "line"], **source})
    return made.sampler(spec or point_spec(SPEC), seed, split, True)


def episodes(spec: dict | None = None, numbers: range = range(4), **source: object) -> Episode:
    drawn = sampler(point_spec({**SPEC, **(spec or {})}), **source)
    return EpisodeBuilder(drawn, None, {"plain": None}, True, True, outcome=Regression(standardise=False))(
        numbers
    ).episodes


X = np.array([[[0.5, -1.0], [2.0, 3.0]]])


@pytest.mark.parametrize(("family", "parameters", "expected"), [
    (Sine(), [2.0, 0.3, 1.5, 0.0], [2 * np.sin(1.5 * 0.5 - 0.3), 2 * np.sin(3.0 - 0.3)]),
    (Sine(), [2.0, 0.0, 1.5, 4.0], [2 * np.sin(1.5 * 0.5) + 4, 2 * np.sin(3.0) + 4]),
    (Polynomial([(0, 1)] * 3), [1.0, -2.0, 0.5], [1 - 1 + 0.125, 1 - 4 + 2]),
    (QuadraticSurface(), [2.0, -1.0], [0.5 - 1, 8 - 9]),
    (Ripple(), [0.2, 1.0], [np.sin(-0.2 * 1.25) + 1, np.sin(-0.2 * 13) + 1]),
])  # fmt: skip
def test_families_by_hand(family, parameters, expected) -> None:
    assert family.value(np.array([parameters]), X)[0] == pytest.approx(expected)


def test_parameters_fill_their_spans() -> None:
    u = np.random.default_rng(0).random((2000, 8))
    spans = [(0.1, 5.0), (0.0, 3.0), (0.8, 1.2), (-1.0, 6.0)]
    found = Sine(*spans).parameters(u)
    for column, (low, high) in zip(found.T, spans, strict=True):
        assert (
            low
            <= column.min()
            < low + 0.05 * (high - low)
            < high - 0.05 * (high - low)
            < column.max()
            <= high
        )


def test_values_are_of_one_curve_and_inputs_fill_the_span() -> None:
    """A line through two points of S goes through every other point of the episode."""
    task = episodes(families=["line"]).task(1)
    (x0, x1), (y0, y1) = task.support_x[:2, 0].tolist(), task.support_y[:2, 0].tolist()
    slope = (y1 - y0) / (x1 - x0)
    for x, y in ((task.support_x, task.support_y), (task.query_x, task.query_y)):
        torch.testing.assert_close(y, y0 + slope * (x - x0), rtol=1e-4, atol=1e-4)
    many = episodes({"queries": 500})
    assert float(many.query_x.min()) == pytest.approx(-5, abs=0.1)
    assert float(many.query_x.max()) == pytest.approx(5, abs=0.1)


def test_an_episode_depends_on_its_number_alone() -> None:
    together, alone = episodes(numbers=range(6)), episodes(numbers=range(4, 5))
    for name in ("support_x", "support_y", "query_x", "query_y"):
        torch.testing.assert_close(getattr(together, name)[4], getattr(alone, name)[0], rtol=0, atol=0)
    torch.testing.assert_close(together.unlabelled.views["plain"][4], alone.unlabelled.views["plain"][0])
    other = episodes(numbers=range(4, 5), seed=1)
    assert not torch.allclose(other.support_x, alone.support_x)
    assert not torch.allclose(episodes(numbers=range(4, 5), split="test").support_x, alone.support_x)


def test_support_and_queries_stay_when_u_changes() -> None:
    few, many = episodes({"unlabelled": 0}), episodes({"unlabelled": 50})
    for name in ("support_x", "support_y", "query_x", "query_y"):
        torch.testing.assert_close(getattr(few, name), getattr(many, name), rtol=0, atol=0)
    assert len(many.unlabelled) == 50


def test_all_points_of_an_episode_are_different() -> None:
    task = episodes().task(0)
    parts = (
        task.support_x,
        task.query_x,
        task.unlabelled.views["plain"],
        task.outer_unlabelled.views["plain"],
    )
    points = torch.cat(parts).flatten().tolist()
    assert len(set(points)) == len(points) == 5 + 7 + 6 + 6


def test_transductive_u_is_q() -> None:
    tasks = episodes({"transductive": True})
    torch.testing.assert_close(tasks.unlabelled.views["plain"], tasks.query_x, rtol=0, atol=0)


def test_a_range_of_points_is_padded() -> None:
    tasks = episodes({"shot": [2, 5]}, numbers=range(40))
    counts = tasks.support_weight.sum(1)
    assert tasks.padded
    assert {int(c) for c in counts} == {2, 3, 4, 5}
    fixed = episodes(numbers=range(40))
    torch.testing.assert_close(tasks.query_y, fixed.query_y, rtol=0, atol=0)


def test_noise_has_its_deviation_and_moves_no_input() -> None:
    clean, noisy = (episodes({"queries": 4000}, noise=noise) for noise in (0.0, 0.3))
    torch.testing.assert_close(clean.query_x, noisy.query_x, rtol=0, atol=0)
    noise = (noisy.query_y - clean.query_y).flatten()
    assert float(noise.std()) == pytest.approx(0.3, rel=0.02)
    pairs = torch.stack((noise, noisy.query_x.flatten()))
    assert abs(float(torch.corrcoef(pairs)[0, 1])) < 0.03  # it says nothing of the input


def test_families_of_the_test_are_their_own() -> None:
    draw = sampler(split="test", test_families=["line"])(range(30))
    assert set(draw.class_ids.flatten()) == {1}
    assert set(sampler(test_families=["line"])(range(30)).class_ids.flatten()) == {0, 1}


@pytest.mark.parametrize(("source", "line"), [
    ({"families": ["sin"]}, "dataset.source.families: found 'sin'.*sine"), ({"families": []}, "found none"),
    ({"families": ["bowl"]}, "dataset.source.inputs: found 1, 'bowl' needs 2"), ({"noise": -1}, "source.noise"),
    ({"low": 5, "high": 5}, "dataset.source.low"), ({"inputs": 0}, "dataset.source.inputs"),
])  # fmt: skip
def test_a_slip_is_one_line(source: dict, line: str) -> None:
    with pytest.raises(ConfigError, match=line) as caught:
        Curves(KINDS, **source)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("changes", "line"), [
    ({"shot": 0}, "episode.shot"), ({"queries": 0}, "episode.queries"), ({"unlabelled": -1}, "episode.unlabelled"),
])  # fmt: skip
def test_a_wrong_make_up_is_one_line(changes: dict, line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        point_spec({**SPEC, **changes})


def test_the_config_has_every_family() -> None:
    words = ["dataset=curves", "dataset.source.inputs=2", "dataset.source.noise=0.3"]
    names = "sine,line,quadratic,cubic,ripple,quadratic_surface"
    config = composed(*words, f"dataset.source.families=[{names}]")
    source = instantiate(config.dataset.source)
    assert isinstance(source, TaskSource)
    train, test = source.make_ups(dict(SPEC), {"shot": 3})
    assert (train.shot.low, test.shot.low) == (5, 3)
    assert source.task_spec(train, test, Regression()).input_shape == (2,)
    draw = source.sampler(replace(train), 0, "train", False)(range(60))
    assert set(draw.class_ids.flatten()) == set(range(6))
    assert np.isfinite(draw.query_y).all()
    assert draw.items.shape[1] == 2
