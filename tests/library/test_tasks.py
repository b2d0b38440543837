"""Real tasks: predicted as evaluated tasks are, in the order of the labels, by any learner."""

from typing import Any

import numpy as np
import pytest
import torch

import metassl
from metassl.errors import ConfigError, DataError
from metassl.learners.base import MetaLearner
from metassl.library.episodes import Episodes
from metassl.outcomes.ranking import Ranking
from metassl.outcomes.regression import Regression

RNG = np.random.default_rng(1)
Y = np.repeat(np.arange(12), 20)
X = RNG.normal(size=(12, 6))[Y] + 0.7 * RNG.normal(size=(240, 6))


def drawn(**changes: Any) -> Episodes:
    return metassl.episodes(X, Y, **{"split": "test", "queries": 3, **changes})


def made(model: str, ssl: str = "none", **changes: Any) -> MetaLearner:
    return metassl.learner(model, ssl=ssl, task=drawn(**changes).task, options={"backbone.norm": "group"})


def task_of(
    episodes: Episodes, number: int, names: list[str], unlabelled: bool = True
) -> tuple[Any, np.ndarray]:
    """A drawn task as if it were given by hand, and its queries."""
    draw = episodes.builder().sampler([number])
    s, u, q = (episodes.builder().items[rows[0]] for rows in (draw.support, draw.unlabelled, draw.query))
    labels = np.asarray(names)[draw.support_y[0]]
    return metassl.task(s, labels, u if unlabelled else None), q


@pytest.mark.parametrize(("model", "ssl"), [
    ("protonet", "none"), ("protonet", "soft_kmeans"), ("maml", "entropy"), ("maml", "consistency"),
    ("in_context", "soft_kmeans"), ("leo", "none"), ("cnaps", "pseudo_label"),
])  # fmt: skip
def test_predictions_are_those_of_evaluation(model: str, ssl: str) -> None:
    """To the bit, random views and numbers included: those of task 0 of the split test."""
    learner, episodes = made(model, ssl).eval(), drawn()
    task, new = task_of(episodes, 0, list("abcde"))
    batch = episodes.batch(range(1), learner).episodes.task(0)
    for unlabelled in (True, False):
        with torch.no_grad():
            logits = learner.query_logits(batch, metassl.Stage(unlabelled=unlabelled))
        found = metassl.predict(learner, task, new, unlabelled=unlabelled)
        assert np.array_equal(found, logits.softmax(-1).numpy())
    assert found.shape == (15, 5)
    assert np.allclose(found.sum(1), 1, atol=1e-6)


def test_without_unlabelled_items_is_the_control() -> None:
    learner, episodes = made("protonet", "soft_kmeans"), drawn()
    with_u, new = task_of(episodes, 3, list("abcde"))
    without, _ = task_of(episodes, 3, list("abcde"), unlabelled=False)
    control = metassl.predict(learner, with_u, new, unlabelled=False)
    assert np.array_equal(metassl.predict(learner, without, new), control)
    assert not np.array_equal(metassl.predict(learner, with_u, new), control)


def test_columns_go_with_the_labels() -> None:
    """Other names for the same classes move the columns, and nothing else, for a learner without positions."""
    learner, episodes = made("protonet", "soft_kmeans"), drawn()
    task, new = task_of(episodes, 1, ["a", "b", "c", "d", "e"])
    other, _ = task_of(episodes, 1, ["e", "d", "c", "b", "a"])
    assert task.classes == other.classes == list("abcde")
    found, turned = (metassl.predict(learner, each, new) for each in (task, other))
    assert np.allclose(found, turned[:, ::-1], atol=1e-6)
    assert not np.allclose(found, turned, atol=1e-2)
    assert metassl.task(X[:3], [7, 3, 7]).classes == [3, 7]


@pytest.mark.parametrize(
    ("model", "ssl"), [("maml", "pseudo_label"), ("protonet", "soft_kmeans"), ("leo", "none")]
)
def test_a_learner_of_more_classes_takes_fewer(model: str, ssl: str) -> None:
    """As a task of fewer classes than its meta-batch, which is padded, would be predicted."""
    learner, episodes = made(model, ssl, way=[2, 5]).eval(), drawn(way=[2, 5])
    number = next(k for k in range(20) if episodes[k].class_mask.sum() == 3)
    padded = episodes.batch([number], learner).episodes.task(0)
    with torch.no_grad():
        logits = learner.query_logits(padded, metassl.Stage())
    draw = episodes.builder().sampler([number])
    parts = ("support", "unlabelled", "query")
    s, u, q = (episodes.builder().items[getattr(draw, p)[getattr(draw, f"{p}_weight")]] for p in parts)
    task = metassl.task(s, draw.support_y[draw.support_weight], u)
    expected = logits.softmax(-1)[padded.query_weight > 0, :3]
    assert np.allclose(metassl.predict(learner, task, q), expected, atol=1e-6)


@pytest.mark.parametrize("outcome", [Regression(), Regression(standardise=False), Ranking()], ids=repr)
def test_values_are_predicted_in_their_own_units(outcome: Any) -> None:
    """A curve, given by hand, is answered as the drawn one, before its values were standardised."""
    options = {
        "outcome": outcome.name,
        **({"outcome.standardise": False} if "standardise=False" in repr(outcome) else {}),
    }
    episodes = metassl.episodes_of("curves", "test", options=options)
    learner = metassl.learner("maml", ssl="consistency", task=episodes.task).eval()
    draw = episodes.builder().sampler([0])
    s, u, q = (draw.items[rows[0]] for rows in (draw.support, draw.unlabelled, draw.query))
    task = metassl.task(s, draw.support_y[0, :, 0], u, outcome=outcome)
    found = metassl.predict(learner, task, q)
    drawn = episodes.batch(range(1), learner).episodes.task(0)
    with torch.no_grad():
        outputs = learner.query_logits(drawn, metassl.Stage())
    shift, scale = (drawn.units[name] if drawn.units else none for name, none in (("shift", 0), ("scale", 1)))
    assert np.array_equal(found, (shift + scale * outputs).numpy())
    if outcome.name == "regression":
        result = metassl.evaluate(learner, episodes, 1)
        assert result.columns["mse"][0] == pytest.approx(
            float(((found - draw.query_y[0]) ** 2).mean()), rel=1e-4
        )


def test_floats_are_values() -> None:
    task = metassl.task(X[:3], [0.5, 1.0, 2.0])
    assert (task.outcome, task.classes, task.outputs) == (Regression(), [], 1)
    assert metassl.task(X[:3], [[0.5, 1.0]] * 3).outputs == 2
    with pytest.raises(DataError, match="support_y: found NaN or infinite values"):
        metassl.task(X[:2], [0.5, np.nan])
    with pytest.raises(DataError, match="support_y: found 3 values for 2 items"):
        metassl.task(X[:2], [0.5, 1.0, 2.0])


def test_an_answer_for_no_class_takes_its_share() -> None:
    rejecting = {
        "model.head._target_": "metassl.heads.prototypes.RejectingPrototypes",
        "ssl.objective.radius": 1.0,
    }
    learner = metassl.learner("protonet", ssl="soft_kmeans_cluster", task=drawn().task, options=rejecting)
    task, new = task_of(drawn(), 0, list("abcde"))
    found = metassl.predict(learner, task, new)
    assert found.shape == (15, 5)
    assert (found.sum(1) < 0.99).all()


def test_predicting_leaves_the_learner_as_it_was() -> None:
    learner = metassl.learner("protonet", ssl="soft_kmeans", task=drawn().task).train()
    state = {name: value.clone() for name, value in learner.state_dict().items()}
    task, new = task_of(drawn(), 0, list("abcde"))
    numbers = torch.random.get_rng_state()
    first = metassl.predict(learner, task, new)
    assert np.array_equal(first, metassl.predict(learner, task, new))
    assert learner.training
    assert all(torch.equal(value, state[name]) for name, value in learner.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), numbers)


def test_unlike_items_and_learners_end_in_one_line() -> None:
    learner = made("maml")
    task = metassl.task(X[:120:20], list("abcdef"))
    with pytest.raises(
        ConfigError, match=r"learner: it can't take tasks of 6 classes with inputs of shape \(6,\)"
    ):
        metassl.predict(learner, task, X[:3])
    with pytest.raises(
        DataError, match=r"x: found items of float32 \[5\], needed are float32 \[6\] as in support_x"
    ):
        metassl.predict(learner, task, X[:3, :5])
    with pytest.raises(DataError, match="unlabelled_x: found NaN"):
        metassl.task(X[:2], ["a", "b"], X[:3] * np.nan)
    with pytest.raises(DataError, match="support_y: found 1 labels for 2 items"):
        metassl.task(X[:2], ["a"])
    oracle = metassl.learner("nearest_task", task=drawn().task, options={"distance": "oracle"})
    with pytest.raises(ConfigError, match="learner: found an oracle"):
        metassl.predict(oracle, task, X[:3])
