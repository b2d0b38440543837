"""Tinted glyphs as a user meets them: the config, refusals in one line, training."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from omegaconf import DictConfig, OmegaConf

from metassl.data.task_source import PreparedTasks, TaskSource
from metassl.data.tinted.tasks import TintedGlyphs, TintedTasks
from metassl.errors import ConfigError, DataError
from metassl.instantiate import instantiate
from metassl.learners.base import MetaLearner
from metassl.tasks.episode import Episode
from metassl.trained.build import build_learner
from metassl.training.build import build_episodes, build_source, build_task_spec, build_test_stream
from metassl.training.run import train_and_test
from tests.conftest import TINY
from tests.data.tinted.letters import ALL, KINDS, MAKE_UP, contents, sampler
from tests.support.composing import composed

FAMILIES = f"dataset.source.families=[{','.join(ALL)}]"


def config(letters: Path, folder: Path, *words: str) -> DictConfig:
    """Of a tiny run, with these letters in place of the fonts'."""
    common = ["dataset=tinted_glyphs", "backbone.filters=4", *TINY, f"paths.cache_dir={folder}", *words]
    made = composed(*common)
    node = {"_target_": "metassl.data.arrays.Arrays", "path": str(letters)}
    OmegaConf.update(made, "dataset.source.letters", node, merge=False)
    OmegaConf.update(made, "paths.output_dir", str(folder / "run"))
    return made


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("letters")


def learner_of(made: DictConfig, source: TaskSource) -> MetaLearner:
    return build_learner(made, build_task_spec(made, source))


def test_the_config_draws_every_family_with_views(tiny_npz: Path, cache: Path) -> None:
    made = config(
        tiny_npz, cache, FAMILIES, "model=protonet", "ssl=fixmatch", "episode.distractors=2", "episode.way=3"
    )
    source = build_source(made)
    assert isinstance(source, TaskSource)
    task = build_task_spec(made, source)
    assert (task.way, task.input_shape, task.base_classes) == (3, (3, 16, 16), 24 + 7 * (len(ALL) - 1))
    builder = build_episodes(made, source, build_learner(made, task), "train", 0)
    batch = builder(range(24))
    assert set(batch.oracle.family.tolist()) == set(range(len(ALL)))
    assert (batch.oracle.class_ids.shape, batch.oracle.unlabelled_y.shape) == ((24, 3), (24, 25))
    for x in (batch.episodes.support_x, *batch.episodes.unlabelled.views.values()):
        assert tuple(x.shape[2:]) == (3, 16, 16)
        assert x.isfinite().all()
        assert x.min() >= 0
        assert x.max() <= 1 + 1e-5
    assert {"weak", "strong"} <= set(batch.episodes.unlabelled.views)


def test_no_learner_is_told_the_family() -> None:
    assert "family" not in {field.name for field in fields(Episode)}


def test_splits_share_no_class() -> None:
    made = TintedTasks(contents(), KINDS, ALL)
    levels = {split: made.levels(split) for split in ("train", "val", "test")}
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        for a, b in zip(levels[one], levels[other], strict=True):
            assert not set(a.ids) & set(b.ids)
    first = [each.first for each in levels["train"]]
    assert first == [0, 40, *(40 + 24 * k for k in range(1, len(ALL) - 1))]  # a number says which attribute's


@pytest.mark.parametrize("words", [
    ("model=protonet", "ssl=soft_kmeans", "evaluation.twin=true"), ("model=maml", "ssl=consistency", "model.steps=1", "model.test_steps=1"),
    ("model=baseline", "ssl=none", "model.test_steps=2"),
    ("model=protonet", "ssl=label_propagation", "episode.transductive=true", "evaluation.split=val"),
])  # fmt: skip
def test_is_trained_and_tested(tiny_npz: Path, cache: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    made = config(tiny_npz, cache, FAMILIES, *words)
    OmegaConf.update(made, "paths.output_dir", str(tmp_path / "run"))
    (tmp_path / "run").mkdir()
    assert 0 <= train_and_test(made, tmp_path / "run", {"model": "m", "ssl": "s"}, []) <= 1
    table = pq.read_table(tmp_path / "run" / "episodes.parquet")
    batch = build_test_stream(made, source := build_source(made), learner_of(made, source), 4).builder(
        range(4)
    )
    assert table["family"].to_pylist() == batch.oracle.family.tolist()
    assert sum("family" in name for name in table.column_names) == 1


@pytest.mark.parametrize(("families", "line"), [
    (["shapes"], "dataset.source.families: found 'shapes'. Did you mean 'shape'?"), ([], "found none"),
    (["hue", "hue"], "found 'hue' twice"),
])  # fmt: skip
def test_a_wrong_family_is_one_line(families: list[str], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        TintedGlyphs(None, KINDS, families)  # type: ignore[arg-type]  # no letter is asked for
    assert line in str(caught.value)


@pytest.mark.parametrize(("changes", "line"), [
    ({"label_ratio": 0.5}, "episode.label_ratio: found 0.5, allowed is 1.0"),
    ({"class_aware": False}, "episode.class_aware: found false"),
    ({"test": {"class_aware": False}}, "episode.test.class_aware: found false"),
])  # fmt: skip
def test_a_make_up_without_a_meaning_is_one_line(changes: dict, line: str) -> None:
    made = TintedTasks(contents(), KINDS, ("shape", "hue"))
    test = changes.pop("test", {})
    with pytest.raises(ConfigError) as caught:
        made.make_ups({**MAKE_UP, **changes}, test)
    assert str(caught.value).startswith(line)


@pytest.mark.parametrize(("families", "changes", "line"), [
    (("shape", "hue"), {"way": 8}, "episode.way: way 8 + distractors 0 needs 8 levels of 'hue', split 'train' has 7."),
    (("hue",), {"distractors": 3}, "way 5 + distractors 3 needs 8 levels of 'hue'"),
    (("shape",), {"way": 8}, "needs 8 levels of 'hue'"),  # or its support would tell the family
    (("shape",), {"shot": 5, "queries": 8}, "episode: shot 5 + queries 8 needs 13 images a class, a letter has 12."),
])  # fmt: skip
def test_too_large_an_episode_is_one_line(families: tuple[str, ...], changes: dict, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        sampler(families, **changes)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_where_no_letter_is_a_class_drawings_may_come_again() -> None:
    assert sampler(("hue",), shot=5, queries=8)(range(2)).query.shape == (2, 40)


def test_letters_in_colour_are_refused() -> None:
    coloured = contents().items.repeat(3, axis=3)
    source = TintedGlyphs(None, KINDS)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"dataset.source.letters: found uint8 \[480, 12, 12, 3\]"):
        source.prepared(lambda _: type(contents())(coloured, np.full(40, 12), [], {}, {}))


def test_the_config_asks_for_the_embedded_letters() -> None:
    made = instantiate(composed("dataset=tinted_glyphs").dataset.source)
    assert isinstance(made, PreparedTasks)
    assert (made.letters.name, made.families, tuple(made.kinds)) == ("glyphs", ["shape", "hue"], ALL[1:])
    assert made.kinds["hue"].levels == 24
