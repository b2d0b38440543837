"""The spaces beside the methods: every key is there, its bounds are in its range, and it changes something."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

import metassl
from metassl.engine.loop import Loop
from metassl.errors import ConfigError
from metassl.schema.check import check_config
from metassl.search.grammar import parse_space_words
from metassl.search.ready_made import read_space, ready_made
from metassl.search.space import Parameter, parameter
from metassl.tasks.stage import TEST, Stage
from metassl.trained.build import build_learner
from metassl.training.notes import without_effect
from tests.conftest import CONF
from tests.support.conf_trees import merged

FILES = sorted((CONF / "search").rglob("*.yaml"))
MODELS = sorted(path.stem for path in (CONF / "model").glob("*.yaml"))
OBJECTIVES = sorted(path.stem for path in (CONF / "ssl").glob("*.yaml"))
NOTHING = {"none", "descriptor"}  # objectives without anything to tune
SHARED = ("episode/standard", "backbone/conv4", "optimizer/adam_cosine", "trainer/default")
SMALL = {"backbone": {"filters": 4, "depth": 2}}
TASK = metassl.TaskSpec(way=5, input_shape=(1, 16, 16), base_classes=30)
FEW = ("none", "soft_kmeans", "consistency", "entropy", "mean_teacher")  # each way that U is used
KINDS = ("maml", "protonet", "cnaps")  # a learner of each kind
# What makes a difference late in a training alone, or in graphs that are larger: labels of ilpc are hard.
UNSEEN = {
    "tsa_maml": {"model.count", "model.warm"},
    "ilpc": {"ssl.objective.alpha", "ssl.objective.neighbours"},
}


@cache
def part(name: str) -> Any:
    """What a file of conf/ says, without the time that Hydra takes to compose it."""
    return merged(CONF / f"{name}.yaml")


@cache
def shared() -> Any:
    return OmegaConf.unsafe_merge(part("config"), *map(part, SHARED), {"paths": {"output_dir": "run"}})


def pair(model: str, ssl: str, **groups: str) -> DictConfig:
    """The config of a pair; `groups` choose what else a model consists of."""
    parts = (part(f"model/{model}").copy(), part(f"ssl/{ssl}"), SMALL)
    found = OmegaConf.unsafe_merge(shared().copy(), *parts)
    for group, option in groups.items():
        found[group] = part(f"{group}/{option}")[group].copy()
    assert isinstance(found, DictConfig)
    return found


OF_GROUP: Mapping[str, Callable[[str], dict[str, str]]] = {
    "model": lambda name: {"model": name},
    "ssl": lambda name: {"ssl": name},
    "classifier": lambda name: {"model": "rfs", "classifier": name},
}


def space(texts: dict[str, str]) -> list[Parameter]:
    return [parameter(word) for word in parse_space_words([f"{k}={v}" for k, v in texts.items()])]


def counting(config: DictConfig, found: list[Parameter]) -> list[Parameter]:
    """The keys of which the notes don't say that they change nothing. Raises ConfigError for a refused pair."""
    learner = build_learner(config, TASK)
    lines = without_effect(config, learner, [each.word(each.ends[0]) for each in found])
    return [e for e in found if not any(line.startswith(f"{e.word(e.ends[0])} has no") for line in lines)]


def test_every_method_has_one() -> None:
    assert {path.stem for path in FILES if path.parent.name == "model"} == set(MODELS)
    assert {path.stem for path in FILES if path.parent.name == "ssl"} == set(OBJECTIVES) - NOTHING
    assert {path.parent.name for path in FILES} == {"model", "ssl", "classifier"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_file_says_where_its_bounds_come_from_and_keeps_to_the_ranges(path: Path) -> None:
    assert path.read_text().startswith("# ")
    config = pair(**{"model": "maml", "ssl": "none"} | OF_GROUP[path.parent.name](path.stem))
    for each in space(read_space(path)):
        default = OmegaConf.select(config, each.key, default="missing")
        assert default != "missing", each.key
        for value in each.ends:
            changed = config.copy()
            OmegaConf.update(changed, each.key, value)
            check_config(changed)
        if isinstance(default, int | float):
            low, high = each.ends
            assert low <= default <= high, (each.key, default)


@pytest.mark.parametrize("model", MODELS)
def test_every_pair_has_keys_that_count(model: str) -> None:
    """Notes say what counts; `test_an_end_changes_what_is_learned` that they are right."""
    walk(model, OBJECTIVES if model in KINDS else FEW)


def walk(model: str, objectives: Sequence[str]) -> None:
    """Each of these pairs. All of them take a minute: python -m tests.search.test_ready_made."""
    own = set(read_space(CONF / "search" / "model" / f"{model}.yaml"))
    for ssl in objectives:
        config = pair(model, ssl)
        found = space(ready_made({"model": model, "ssl": ssl}, [CONF]))
        missing = [e.key for e in found if OmegaConf.select(config, e.key, default="missing") == "missing"]
        assert not missing
        try:
            keys = {each.key for each in counting(config, found)}
        except ConfigError:  # a pair that has no meaning
            continue
        assert own <= keys
        assert bool(keys - own) == (ssl not in NOTHING), (model, ssl)


@pytest.fixture(scope="module")
def episodes() -> metassl.Episodes:
    return two_way()


def two_way() -> metassl.Episodes:
    """Two-way tasks of patterns with noise: a young network's guess is 0.5, between the bounds of thresholds."""
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(20), 12)
    x = np.clip(rng.integers(0, 256, (20, 16, 16, 1))[y] + rng.normal(0, 60, (240, 16, 16, 1)), 0, 255)
    return metassl.episodes(x.astype(np.uint8), y, way=2, shot=1, queries=2, unlabelled=4)


def learned(config: DictConfig, episodes: metassl.Episodes) -> list[Tensor]:
    """The outer gradients of two steps, amid a training, and what the learner then predicts of a test task."""
    torch.manual_seed(0)
    learner = build_learner(config, episodes.task).train()
    stage = Stage(training=True, progress=0.4)
    found: list[Tensor] = []
    for step in range(2):
        torch.manual_seed(step)
        tasks = episodes.builder(learner, training=True)(range(step, step + 1)).episodes
        gradients, scores = Loop().gradients(learner, lambda known, task: known.meta_loss(task, stage), tasks)
        with torch.no_grad():
            for name, p in learner.theta().items():
                p -= 0.01 * gradients[name] if name in gradients else 0.0
        learner.after_outer_step(tasks, scores)
        found += list(gradients.values())
    task = episodes.builder(learner)(range(1)).episodes.task(0)
    with torch.no_grad():
        return [*found, learner.eval().query_logits(task, TEST)]


CASES = [
    *((path, "protonet" if path.parent.name == "ssl" else "soft_kmeans") for path in FILES),
    *((path, "maml") for path in FILES if path.parent.name == "ssl"),
]
TRIED = [(path, partner) for path, partner in CASES if path.stem in ("maml", "r2d2", *FEW, "fixmatch")]


@pytest.mark.parametrize(("path", "partner"), TRIED, ids=lambda x: x if isinstance(x, str) else x.stem)
def test_an_end_changes_what_is_learned(path: Path, partner: str, episodes: metassl.Episodes) -> None:
    """So the notes are right in saying that a key counts: the ends of its space give other numbers."""
    compare_ends(path, partner, episodes)


def compare_ends(path: Path, partner: str, episodes: metassl.Episodes) -> None:
    """Of every key of a method's space, with a partner. All of them: python -m tests.search.test_ready_made."""
    config = pair(**({"model": partner, "ssl": partner} | {path.parent.name: path.stem}))
    config.ssl.start, config.ssl.ramp, config.ssl.from_step = 0.0, 0.0, 0
    if path.stem == "cavia":
        config.model.layer = 1  # the second and last block
    keys = [e for e in space(read_space(path)) if not e.key.startswith(("optimizer.", "ssl.start"))]
    try:
        keys = [each for each in counting(config, keys) if each.key not in UNSEEN.get(path.stem, ())]
    except ConfigError as error:
        pytest.skip(f"has no meaning: {error}")
    for each in keys:
        ends = []
        for value in each.ends:
            changed = config.copy()
            OmegaConf.update(changed, each.key, value)
            ends.append(learned(changed, episodes))
        assert len(ends[0]) != len(ends[1]) or not all(map(torch.equal, *ends)), each.key


if __name__ == "__main__":
    for name in MODELS:
        walk(name, OBJECTIVES)
    print(f"{len(MODELS)} × {len(OBJECTIVES)} pairs: every key is there and counts", flush=True)
    tasks = two_way()
    for file, other in CASES:
        try:
            compare_ends(file, other, tasks)
        except pytest.skip.Exception as refused:
            print(f"{file.stem} with {other}: {refused}")
        except AssertionError as same:
            print(f"{file.stem} with {other}: BOTH ENDS GIVE THE SAME: {same}", flush=True)
    print(f"{len(CASES)} files tried")
