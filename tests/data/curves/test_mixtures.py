"""The mixtures of HSML and ARML: what is known of their families in closed form holds for what is drawn.

Legend: T tasks, Q queries of a task. x ~ U[-5, 5] has E[x²] = 25/3, E[x⁴] = 125, E[x⁶] = 5⁶/7.
"""

from functools import cache

import numpy as np
import pytest
from omegaconf import DictConfig

from metassl.data.builder import EpisodeBuilder
from metassl.data.curves.tasks import Curves
from metassl.data.drawing.draw import Draw
from metassl.data.spec import episode_spec
from metassl.errors import ConfigError
from metassl.instantiate import instantiate
from metassl.outcomes.regression import Regression
from tests.support.composing import composed

ARML = ["sine_arml", "line", "quadratic", "cubic", "quadratic_surface", "ripple"]
HSML = ["sine_hsml", "line", "quadratic", "cubic"]
MIXTURES = {"arml6": ARML, "hsml4": HSML}
TURN = 2 * np.pi
SPANS = {
    "sine_arml": [(0.1, 5), (-TURN, 0), (0.8, 1.2), (0, 0)],
    "sine_hsml": [(0.1, 5), (0, 0), (0.8, 1.2), (0, TURN)],
    "line": [(-3, 3), (-3, 3)],
    "quadratic": [(-3, 3), (-2, 2), (-0.2, 0.2)],
    "cubic": [(-3, 3), (-2, 2), (-0.2, 0.2), (-0.1, 0.1)],
    "quadratic_surface": [(-1, 1), (-1, 1)],
    "ripple": [(-0.2, 0.2), (-3, 3)],
}

GRID = (np.arange(400) + 0.5) / 400  # the middles of 400 parts of 0 to 1
X = 10 * GRID - 5
RADII = (X[:, None] ** 2 + X**2).ravel()
SQUARED_AMPLITUDE = (5**3 - 0.1**3) / 3 / 4.9
SHIFTED = SQUARED_AMPLITUDE * (np.sin(np.outer(0.8 + 0.4 * GRID, X)) ** 2).mean() + TURN**2 / 3
RIPPLED = np.mean([(np.sin(a * RADII) ** 2).mean() for a in 0.2 * GRID[::8]]) + 3
MOMENTS = {  # mean and mean square of y without noise, and its bounds
    "sine_arml": (0.0, SQUARED_AMPLITUDE / 2, -5, 5),
    "sine_hsml": (np.pi, SHIFTED, -5, 5 + TURN),
    "line": (0.0, 3 * 25 / 3 + 3, -18, 18),
    "quadratic": (0.0, 0.04 / 3 * 125 + 4 / 3 * 25 / 3 + 3, -18, 18),
    "cubic": (0.0, 0.01 / 3 * 5**6 / 7 + 0.04 / 3 * 125 + 4 / 3 * 25 / 3 + 3, -30.5, 30.5),
    "quadratic_surface": (0.0, 2 / 3 * 125, -50, 50),
    "ripple": (0.0, RIPPLED, -4, 4),
}


@cache
def config(mixture: str) -> DictConfig:
    return composed(f"experiment=curves/{mixture}_10shot")


@cache
def source(mixture: str, **changes: float) -> Curves:
    node = config(mixture).dataset.source
    made = instantiate({**node, **changes})
    assert isinstance(made, Curves)
    return made


@cache
def draw(mixture: str, split: str = "train", first: int = 0, count: int = 6000, **changes: float) -> Draw:
    made = source(mixture, **changes)
    make_up, _ = made.make_ups(config(mixture).episode, {"unlabelled": 5})
    return made.sampler(make_up, 0, split, False)(range(first, first + count))


def inputs(found: Draw, rows: np.ndarray) -> np.ndarray:
    """[T, n, d] of rows [T, n]."""
    assert found.items is not None
    return found.items[rows]


def names(mixture: str, found: Draw) -> np.ndarray:
    """[T] the family of each task, from what goes to the oracle."""
    return np.array(list(source(mixture).kinds))[found.class_ids[:, 0]]


@pytest.mark.parametrize("mixture", MIXTURES)
def test_families_spans_and_sizes_are_those_of_the_authors_code(mixture: str) -> None:
    made, drawn = source(mixture), draw(mixture)
    assert made.train == made.test == MIXTURES[mixture]
    for name in made.train:
        assert np.array(made.kinds[name].spans) == pytest.approx(np.array(SPANS[name], float))
    assert (drawn.support.shape[1], drawn.query.shape[1]) == (10, 10)
    train, test = made.make_ups(config(mixture).episode, {})
    inputs = {"arml6": 2, "hsml4": 1}[mixture]
    assert made.task_spec(train, test, Regression()).input_shape == (inputs,)
    assert (made.noise, made.span) == ({"arml6": 0.3, "hsml4": 0.0}[mixture], (-5.0, 5.0))


@pytest.mark.parametrize("mixture", MIXTURES)
def test_each_family_is_as_likely(mixture: str) -> None:
    _, counts = np.unique(names(mixture, draw(mixture)), return_counts=True)
    share = 1 / len(MIXTURES[mixture])
    assert len(counts) == len(MIXTURES[mixture])
    assert np.abs(counts / 6000 - share).max() < 4.5 * np.sqrt(share * (1 - share) / 6000)


@pytest.mark.parametrize(("mixture", "name"), [(m, name) for m, its in MIXTURES.items() for name in its])
def test_the_values_of_a_family_have_its_moments_and_bounds(mixture: str, name: str) -> None:
    found = draw(mixture, noise=0.0)
    y = found.query_y[names(mixture, found) == name, :, 0].astype(float)
    mean, square, low, high = MOMENTS[name]
    for values, expected in ((y, mean), (y**2, square)):
        tasks = values.mean(1)  # of one task, whose points are not independent
        assert abs(tasks.mean() - expected) < 4.5 * tasks.std() / np.sqrt(len(tasks))
    assert low <= y.min() < low + 0.35 * (high - low)
    assert high - 0.35 * (high - low) < y.max() <= high


def test_arml_adds_noise_of_deviation_03_to_labels_and_queries_alike() -> None:
    noisy, clean = draw("arml6"), draw("arml6", noise=0.0)
    for part in ("support_y", "query_y"):
        noise = getattr(noisy, part) - getattr(clean, part)
        assert noise.std() == pytest.approx(0.3, rel=0.01)
        assert abs(noise.mean()) < 0.005
    assert np.array_equal(draw("hsml4").query_y, draw("hsml4", noise=0.0).query_y)


def test_the_second_input_is_1_where_a_family_reads_one() -> None:
    found = draw("arml6")
    one = np.isin(names("arml6", found), ARML[:4])
    for part in (found.support, found.query, found.unlabelled):
        x = inputs(found, part)
        assert np.all(x[one, :, 1] == 1)
        for uniform in (x[:, :, 0], x[~one, :, 1]):
            assert (uniform.min(), uniform.max()) == pytest.approx((-5, 5), abs=0.02)
            assert (uniform.mean(), (uniform**2).mean()) == pytest.approx((0, 25 / 3), abs=0.15)
    uniform = inputs(draw("arml6", unread=None), found.query)
    assert np.array_equal(uniform[:, :, 0], inputs(found, found.query)[:, :, 0])
    assert uniform[one, :, 1].std() == pytest.approx(np.sqrt(25 / 3), rel=0.02)


@pytest.mark.parametrize("mixture", MIXTURES)
def test_a_task_is_its_number_and_splits_share_no_point(mixture: str) -> None:
    some, one = draw(mixture, count=40), draw(mixture, first=17, count=1)
    for part in ("support_y", "query_y", "class_ids"):
        assert np.array_equal(getattr(some, part)[17], getattr(one, part)[0])
    drawn = [draw(mixture, split, count=300) for split in ("train", "val", "test")]
    points = [set(inputs(found, found.support)[:, :, 0].ravel().tolist()) for found in drawn]
    assert all(len(each) > 2990 for each in points)  # of 3,000 numbers of 24 bits
    assert all(len(a & b) < 10 for a, b in ((points[0], points[1]), (points[0], points[2]), points[1:]))
    assert not np.array_equal(drawn[0].class_ids, drawn[2].class_ids)


def test_the_family_is_in_the_oracle_and_nowhere_else() -> None:
    made = source("arml6")
    make_up, _ = made.make_ups(config("arml6").episode, {})
    sampler = made.sampler(make_up, 0, "train", False)
    batch = EpisodeBuilder(sampler, None, {"plain": None}, True, True, outcome=Regression(standardise=False))(
        range(60)
    )
    assert len(batch.oracle.class_ids.unique()) == 6
    assert not batch.episodes.classes.any()


@pytest.mark.parametrize(("changes", "line"), [
    ({"inputs": 1}, r"dataset.source.inputs: found 1, 'quadratic_surface' needs 2"),
    ({"unread": float("nan")}, r"dataset.source.unread: found nan"),
    ({"noise": -0.3}, r"dataset.source.noise: found -0.3"),
    ({"families": ["sine_alrm"]}, r"dataset.source.families: found 'sine_alrm'. Did you mean 'sine_arml'"),
])  # fmt: skip
def test_an_impossible_option_is_one_line(changes: dict, line: str) -> None:
    with pytest.raises(ConfigError, match=line) as caught:
        instantiate({**config("arml6").dataset.source, **changes})
    assert "\n" not in str(caught.value)


def test_classes_have_no_episode_of_points() -> None:
    with pytest.raises(ConfigError, match=r"episode.way: found none, as in an episode of points") as caught:
        episode_spec(**config("arml6").episode)
    assert "\n" not in str(caught.value)
