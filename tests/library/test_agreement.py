"""What the library builds, draws, trains and measures is what the command does, to the bit."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, open_dict
from torch.utils._pytree import tree_leaves

import metassl
from metassl.docs.options import option_names
from metassl.experiments.pair_configs import pair_config
from metassl.files import read_json
from metassl.instantiate import instantiate
from metassl.library.episodes import Episodes
from metassl.runs.file_names import EPISODES, RESULTS
from metassl.trained.build import build_learner
from metassl.training.build import build_episodes, build_source, build_task_spec
from metassl.training.checkpoints import LAST
from metassl.training.run import train_and_test
from metassl.training.weights import load_weights
from tests.conftest import CONF, TINY
from tests.support.composing import composed

Make = Callable[..., DictConfig]
SSL_OPTIONS = {"backbone.filters": 4, "backbone.depth": 2, "ssl.start": 0, "ssl.ramp": 0}
FROM_THE_START = ("ssl.start=0", "ssl.ramp=0")
STEPS = 4


def splits(arrays: dict[str, np.ndarray], config: DictConfig) -> tuple[Episodes, Episodes, Episodes]:
    """The tiny data set's tasks as `dataset=arrays` splits it and sees its views."""
    views = {kind: instantiate(node) for kind, node in config.dataset.views.items()}
    made = metassl.episodes(arrays["images"], arrays["labels"], seed=config.seed, views=views)
    return made.split_classes()


def by_command(config: DictConfig) -> metassl.MetaLearner:
    pl.seed_everything(config.seed, verbose=False)
    return build_learner(config, build_task_spec(config, build_source(config)))


def same(a: Any, b: Any) -> bool:
    pairs = zip(tree_leaves(a), tree_leaves(b), strict=True)
    return all(torch.equal(x, y) if isinstance(x, torch.Tensor) else x == y for x, y in pairs)


def check_weights(a: metassl.MetaLearner, b: metassl.MetaLearner) -> None:
    found, expected = a.state_dict(), b.state_dict()
    assert found.keys() == expected.keys()
    assert [name for name in found if not torch.equal(found[name], expected[name])] == []


PAIRS = [
    *[(model, "none") for model in option_names("model", CONF)],
    *[("maml", ssl) for ssl in option_names("ssl", CONF) if ssl != "none"],
    ("protonet", "soft_kmeans"),
]


@pytest.mark.parametrize(("model", "ssl"), PAIRS)
def test_names_build_what_the_command_builds(
    model: str, ssl: str, make_config: Make, tiny_arrays: dict[str, np.ndarray]
) -> None:
    """The same weights, and the same predictions on a test task and on new items."""
    config = pair_config(make_config(f"model={model}", "seed=3"), composed(*FROM_THE_START, f"ssl={ssl}"))
    layer = {"model.layer": 0} if "layer" in config.model else {}  # the default is one of a deeper network
    for value in layer.values():
        config.model.layer = value
    expected = by_command(config)
    train, _, test = splits(tiny_arrays, config)
    made = metassl.learner(model, ssl=ssl, task=train.task, options=SSL_OPTIONS | layer, seed=3)
    check_weights(made, expected)
    source = build_source(config)
    tasks = build_episodes(config, source, expected, "test", 3)(range(2))
    found = test.batch(range(2), made)
    assert same(found.episodes, tasks.episodes)
    assert same(found.oracle, tasks.oracle)
    task = tasks.episodes.task(1)
    with torch.no_grad():
        logits = [each.eval().query_logits(task, metassl.Stage()) for each in (made, expected)]
    assert torch.equal(*logits)


def test_options_are_words_or_keys(tiny_arrays: dict[str, np.ndarray]) -> None:
    task = metassl.episodes(tiny_arrays["images"], tiny_arrays["labels"]).task
    by_keys = metassl.learner("nearest_task", task=task, options={"distance": "average", "model.size": 8})
    by_words = metassl.learner("nearest_task", task=task, options=["distance=average", "model.size=8"])
    other = metassl.learner("nearest_task", task=task, options={"model.size": 8})
    check_weights(by_keys, by_words)
    assert type(by_keys.distance) is type(by_words.distance)
    assert type(by_keys.distance) is not type(other.distance)
    wrapped = metassl.learner("maml", ssl="learned_hparams", task=task, options=["ssl@ssl.wrapped=entropy"])
    assert type(wrapped.ssl.objective.objective).__name__ == "Entropy"


@pytest.mark.parametrize(("model", "ssl"), [("maml", "consistency"), ("protonet", "soft_kmeans")])
def test_training_and_test_are_those_of_the_command(
    model: str, ssl: str, make_config: Make, tiny_arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    """Last and best weights, curves' last values and each test episode, with and without U."""
    words = ["seed=3", f"trainer.steps={STEPS}", "trainer.log_every=1", "evaluation.seed=3"]
    config = make_config(f"model={model}", f"ssl={ssl}", *words)
    folder = tmp_path / "run"
    folder.mkdir()
    train_and_test(config, folder, {}, [])
    train, val, test = splits(tiny_arrays, config)
    learner = metassl.learner(model, ssl=ssl, task=train.task, options=SSL_OPTIONS, seed=3)
    options = {key: value for key, value in (word.split("=") for word in TINY) if key.startswith("eval")}
    options = {key: int(options[key]) for key in ("evaluation.val_episodes", "evaluation.tasks")}
    options |= {"trainer.log_every": 1, "trainer.accelerator": "cpu"}
    torch.manual_seed(123)  # of no effect
    metassl.fit(learner, train, STEPS, tasks=2, seed=3, options=options)
    expected = by_command(config)
    load_weights(expected, folder / "checkpoints" / LAST)
    check_weights(learner, expected)

    learner = metassl.learner(model, ssl=ssl, task=train.task, options=SSL_OPTIONS, seed=3)
    history = metassl.fit(learner, train, STEPS, tasks=2, seed=3, validation=val, options=options)
    load_weights(expected, folder / "checkpoints" / "best.ckpt")
    check_weights(learner, expected)
    result = metassl.evaluate(learner, test, 4, tasks=2)
    table = pq.read_table(folder / EPISODES).to_pydict()
    for name in ("accuracy", "loss", "accuracy_deprived", "loss_deprived"):
        assert result.columns[name].tolist()[:2] == table[name][:2]
    rows = (folder / "metrics.csv").read_text().splitlines()
    column = rows[0].split(",").index("val/accuracy")
    logged = [float(row.split(",")[column]) for row in rows[1:] if row.split(",")[column]]
    assert history["val/accuracy"].values.tolist() == logged
    assert history["val/accuracy"].steps.tolist() == [2, 4]


@pytest.mark.parametrize("outcome", ["regression", "ranking"])
def test_named_data_sets_are_those_of_the_command(outcome: str, tmp_path: Path) -> None:
    """Tasks, weights, training and test of curves, whose best weights have the lowest error."""
    words = ["dataset=curves", f"outcome={outcome}", "seed=3", "evaluation.seed=3", f"trainer.steps={STEPS}"]
    config = composed(*TINY, *words, "episode.test.shot=5", "evaluation.twin=true")
    folder = tmp_path / "run"
    folder.mkdir()
    with open_dict(config):
        config.paths.output_dir = str(folder)
    train_and_test(config, folder, {}, [])
    train, val, test = (
        metassl.episodes_of("curves", split, seed=3, options={"outcome": outcome, "episode.test.shot": 5})
        for split in ("train", "val", "test")
    )
    options = {"ssl.start": 0, "ssl.ramp": 0}
    learner = metassl.learner("maml", ssl="consistency", task=train.task, options=options, seed=3)
    options = {"evaluation.val_episodes": 4, "evaluation.tasks": 2, "trainer.accelerator": "cpu"}
    metassl.fit(learner, train, STEPS, tasks=2, seed=3, validation=val, options=options)
    expected = by_command(config)
    load_weights(expected, folder / "checkpoints" / "best.ckpt")
    check_weights(learner, expected)
    twin = metassl.learner("maml", task=train.task, seed=3)
    metassl.fit(twin, train, STEPS, tasks=2, seed=3, validation=val, options=options)
    result = metassl.evaluate(learner, test, 4, tasks=2, twin=twin)
    table = pq.read_table(folder / EPISODES).to_pydict()
    for name in result.columns:
        few = 2 if name.endswith("_deprived") else 4
        assert result.columns[name].tolist()[:few] == table[name][:few]
    summary = read_json(folder / RESULTS)
    assert summary["gain"]["mean"] == result.gain.mean
    assert summary["constant"]["mean"] == result.columns["constant"].mean()
    for score in result.outcome.scores:
        assert summary[score.name]["mean"] == result.scores[score.name].mean
