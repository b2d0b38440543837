"""Mixtures as a user meets them: the config, what is left out, refusals in one line, training."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from omegaconf import DictConfig, OmegaConf

import metassl
from metassl.data.images.cifar import CifarFS
from metassl.data.images.glyphs import Glyphs
from metassl.data.mixture.styles import STYLES
from metassl.data.mixture.tasks import Mixture
from metassl.data.task_source import PreparedTasks, TaskSource
from metassl.errors import ConfigError, DataError
from metassl.instantiate import instantiate
from metassl.tasks.episode import Episode
from metassl.trained.build import build_learner
from metassl.training.build import build_episodes, build_source, build_task_spec, build_test_stream
from metassl.training.run import train_and_test
from tests.conftest import TINY
from tests.data.mixture.made import CLASSES, SIDE, SPLITS, Made, mixture, spec
from tests.support.composing import composed

TURNED = {"train": range(12, 24), "val": range(5, 12), "test": range(5)}  # other than SPLITS


def config(letters: Path, folder: Path, *words: str) -> DictConfig:
    """Of a tiny run on the embedded mixture, with these letters in place of the fonts'."""
    common = ["dataset=styled_glyphs", "backbone.filters=4", *TINY, f"paths.cache_dir={folder}", *words]
    made = composed(*common)
    node = {"_target_": "metassl.data.arrays.Arrays", "path": str(letters)}
    OmegaConf.update(made, "dataset.source.sources.glyphs", node, merge=False)
    OmegaConf.update(made, "paths.output_dir", str(folder / "run"))
    return made


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("letters")


def test_the_config_draws_every_family_with_views(tiny_npz: Path, cache: Path) -> None:
    made = config(tiny_npz, cache, "model=protonet", "ssl=fixmatch", "episode.distractors=2", "episode.way=3")
    source = build_source(made)
    assert isinstance(source, TaskSource)
    task = build_task_spec(made, source)
    assert (task.way, task.input_shape, task.base_classes) == (
        3,
        (1, 28, 28),
        24,
    )  # a class in any style is one
    batch = build_episodes(made, source, build_learner(made, task), "train", 0)(range(24))
    assert set(batch.oracle.family.tolist()) == set(range(len(STYLES)))
    assert (batch.oracle.class_ids.shape, batch.oracle.unlabelled_y.shape) == ((24, 3), (24, 25))
    assert {"weak", "strong"} <= set(batch.episodes.unlabelled.views)
    for x in (batch.episodes.support_x, *batch.episodes.unlabelled.views.values()):
        assert tuple(x.shape[2:]) == (1, 28, 28)
        assert 0 <= x.min() <= x.max() <= 1 + 1e-5


def test_no_learner_is_told_the_family() -> None:
    assert "family" not in {field.name for field in fields(Episode)}


@pytest.mark.parametrize("words", [
    ("model=protonet", "ssl=soft_kmeans"), ("model=baseline", "ssl=none", "model.test_steps=2"),
])  # fmt: skip
def test_is_trained_and_tested(tiny_npz: Path, cache: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    made = config(tiny_npz, cache, *words)
    OmegaConf.update(made, "paths.output_dir", str(tmp_path / "run"))
    (tmp_path / "run").mkdir()
    assert 0 <= train_and_test(made, tmp_path / "run", {"model": "m", "ssl": "s"}, []) <= 1
    table = pq.read_table(tmp_path / "run" / "episodes.parquet")
    source = build_source(made)
    stream = build_test_stream(made, source, build_learner(made, build_task_spec(made, source)), 4)
    assert table["family"].to_pylist() == stream.builder(range(4)).oracle.family.tolist()


def test_is_prepared_once(tmp_path: Path) -> None:
    first = mixture(tmp_path, styles=["plain", "blur"])
    file = Path(first.items().filename)
    assert file.is_file()
    before = file.stat().st_mtime_ns

    class Gone(Made):
        def read(self):
            raise AssertionError("read again")

    again = mixture(tmp_path, {"a": Gone(1), "b": Gone(2)}, styles=["plain", "blur"])
    assert (Path(again.items().filename), file.stat().st_mtime_ns) == (file, before)
    np.testing.assert_array_equal(again.items(), first.items())


@pytest.mark.parametrize(
    "other", [{"styles": ["blur"]}, {"size": 9}, {"channels": 3}, {"members": ["b", "a"]}]
)
def test_other_options_are_prepared_apart(tmp_path: Path, other: dict[str, Any]) -> None:
    usual, changed = mixture(tmp_path), mixture(tmp_path, **other)
    assert usual.items().filename != changed.items().filename
    assert not np.array_equal(usual.items(), changed.items())


def test_each_class_has_its_pictures_in_every_style(tmp_path: Path) -> None:
    made = mixture(tmp_path, styles=list(STYLES))
    plain, *others = made.pools("b", "val")
    for name, pool in zip(list(STYLES)[1:], others, strict=True):
        for k, (start, count) in enumerate(zip(pool.starts, pool.counts, strict=True)):
            as_is = plain.items[plain.starts[k] : plain.starts[k] + count]
            np.testing.assert_array_equal(pool.items[start : start + count], STYLES[name](as_is))
    assert plain.class_names == [f"b/c{k}" for k in SPLITS["val"]]


def test_sizes_and_channels_are_brought_together(tmp_path: Path) -> None:
    made = mixture(tmp_path, {"a": Made(1), "b": Made(2, channels=3, side=12)}, size=10, channels=3)
    assert made.items().shape[1:] == (10, 10, 3)


def test_what_another_is_tested_on_is_left_out(tmp_path: Path) -> None:
    made = mixture(tmp_path, {"a": Made(1), "b": Made(1, TURNED), "c": Made(3)})
    splits = made.contents.splits
    own = {split: {(k // CLASSES, k % CLASSES) for k in splits[split]} for split in splits}
    assert {k for member, k in own["test"] if member == 0} == set(SPLITS["test"])
    assert {k for member, k in own["test"] if member == 1} == set(TURNED["test"])
    assert {k for member, k in own["val"] if member == 0} == set(
        SPLITS["val"]
    )  # none of them is tested on by b
    assert {k for member, k in own["val"] if member == 1} == set(TURNED["val"])
    assert {k for member, k in own["train"] if member == 0} == set()  # b validates or tests on all of them
    assert {k for member, k in own["train"] if member == 1} == set()  # so does a
    assert {k for member, k in own["train"] if member == 2} == set(SPLITS["train"])
    assert made.contents.meta["left_out"] == {"a": {"train": 12}, "b": {"train": 12}}
    assert "left out, as others validate or test on them: 12 train of a, 12 train of b" in made.description()
    with pytest.raises(ConfigError, match=r"split 'train' has 0 \(of 'a' in dataset\.source\.members\)"):
        made.sampler(spec(), 0, "train", False)


def test_no_picture_is_trained_on_and_tested_on(tmp_path: Path) -> None:
    half = {"train": range(3, 15), "val": range(15, 21), "test": [0, 1, 2, 21, 22, 23]}
    made = mixture(tmp_path, {"a": Made(1), "b": Made(1, half)}, styles=["plain", "rotated"])
    pictures = {
        split: {
            pool.items[row].tobytes()
            for member in "ab"
            for pool in made.pools(member, split)
            for start, count in zip(pool.starts, pool.counts, strict=True)
            for row in range(start, start + count)
        }
        for split in ("train", "val", "test")
    }
    assert all(pictures.values())
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        assert not pictures[one] & pictures[other]


def test_alone_a_data_set_keeps_all_its_classes(tmp_path: Path) -> None:
    made = mixture(tmp_path, {"a": Made(1), "b": Made(1, TURNED)}, members=["b"])
    assert made.contents.splits == {split: list(classes) for split, classes in TURNED.items()}
    assert "left out" not in made.description()


@pytest.mark.parametrize(("options", "line"), [
    ({"members": ["a", "bb"]}, "dataset.source.members: found 'bb'. Did you mean 'b'? Allowed: a, b."),
    ({"members": []}, "dataset.source.members: found none"), ({"members": "a"}, "dataset.source.members: found 'a', allowed is a list"),
    ({"members": ["a", "a"]}, "dataset.source.members: found 'a' twice"),
    ({"styles": ["plane"]}, "dataset.source.styles: found 'plane'. Did you mean 'plain'? Allowed: blur, "),
    ({"styles": ["blur", "blur"]}, "dataset.source.styles: found 'blur' twice"),
    ({"weights": [1.0]}, "dataset.source.weights: found 1 numbers, allowed is one for each of the 2 members."),
    ({"size": 0}, "dataset.source.size: found 0, allowed is"), ({"channels": 2}, "dataset.source.channels: found 2, allowed is"),
])  # fmt: skip
def test_a_wrong_option_is_one_line(options: dict[str, Any], line: str) -> None:
    sources = {"a": Made(1), "b": Made(2)}
    with pytest.raises(ConfigError) as caught:
        Mixture(sources, **{"members": ["a", "b"], **options})
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_missing_data_are_one_line_that_says_whose(tmp_path: Path) -> None:
    sources = {"a": Made(1), "photos": CifarFS(tmp_path, download=False)}
    with pytest.raises(DataError) as caught:
        mixture(tmp_path, sources)
    line = str(caught.value)
    assert line.startswith(
        f"dataset.source.members: 'photos': '{tmp_path / 'cifar-100-python'}' doesn't exist and download is false: unpack "
    )
    assert line.endswith("Without it: dataset.source.members=[a].")


def test_what_is_no_picture_is_one_line(tmp_path: Path) -> None:
    class Vectors(Made):
        def read(self):
            made = super().read()
            return type(made)(
                made.items.reshape(-1, SIDE**2).astype(np.float32),
                made.counts,
                made.class_names,
                made.splits,
                {},
            )

    with pytest.raises(
        DataError, match=r"dataset\.source\.members: 'b': found float32 \[336, 64\], allowed are pictures"
    ):
        mixture(tmp_path, {"a": Made(1), "b": Vectors(2, name="vectors")})


@pytest.mark.parametrize(("changes", "line"), [
    ({"way": 6}, "episode.way: way 6 + distractors 0 needs 6 classes, split 'val' has 5 (of 'a' in dataset.source.members)."),
    ({"queries": 14}, "class 'a/c12' of split 'val' has 14 (of 'a' in dataset.source.members)."),
])  # fmt: skip
def test_an_episode_that_a_member_cannot_serve_is_one_line(tmp_path: Path, changes: dict, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        mixture(tmp_path).sampler(spec(**changes), 0, "val", False)
    assert str(caught.value).endswith(line)


def source_of(*words: str) -> Any:
    return instantiate(composed(*words).dataset.source)


def test_the_config_has_four_data_sets_and_reads_none_before_it_must() -> None:
    made = source_of("dataset=mixture", "paths.data_dir=nowhere")
    assert isinstance(made, PreparedTasks)
    assert (made.members, made.styles) == (["glyphs", "omniglot", "cifar_fs", "fc100"], ["plain"])
    assert {source.size for source in made.sources.values() if hasattr(source, "size")} == {32}
    few = source_of("dataset=mixture", "dataset.source.members=[glyphs,omniglot]", "dataset.source.size=20")
    assert [source.size for source in few.sources.values()] == [20, 20]


def test_the_embedded_mixture_asks_for_glyphs_alone() -> None:
    made = source_of("dataset=styled_glyphs")
    assert ([type(source) for source in made.sources.values()], made.styles) == ([Glyphs], list(STYLES))
    assert made.sources["glyphs"].fingerprint() == Glyphs().fingerprint()  # prepared for dataset=glyphs, too


def test_arrays_of_a_mixture_are_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("metassl.library.datasets.build_source", lambda config: mixture(tmp_path))
    with pytest.raises(ConfigError, match=r"'mixture' makes its tasks itself; take metassl\.episodes_of"):
        metassl.dataset("mixture")


def test_a_source_of_your_own_is_named_on_the_command_line() -> None:
    birds = "{_target_: metassl.data.images.image_folder.ImageFolder, path: birds}"
    made = source_of(
        "dataset=mixture", f"+dataset.source.sources.birds={birds}", "dataset.source.members=[glyphs,birds]"
    )
    assert made.sources["birds"].path == Path("birds")
