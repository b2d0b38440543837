"""Domains as a user meets them: splits, make-ups, refusals in one line, training."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from omegaconf import DictConfig, OmegaConf

from metassl.data.domains.spec import both_specs, domain_spec
from metassl.data.spec import episode_spec
from metassl.data.tables.spec import table_spec
from metassl.errors import ConfigError
from metassl.tasks.episode import Episode
from metassl.training.build import build_source, build_task_spec, make_up_values
from metassl.training.run import train_and_test
from tests.conftest import TINY
from tests.data.domains.made import CLASSES, MAKE_UP, NAMES, rows_of, spec, tasks
from tests.support.composing import composed


@pytest.fixture(scope="module")
def npz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The made domains as one file, with noise in place of the numbers."""
    path = tmp_path_factory.mktemp("npz") / "made.npz"
    rng = np.random.default_rng(0)
    parts = [rows_of(k) for k in range(len(NAMES))]
    y = np.concatenate([y for _, y in parts])
    domain = np.repeat(NAMES, [len(y) for _, y in parts])
    x = rng.normal(size=(CLASSES, 8))[y.astype(int)] * 2 + rng.normal(size=(len(y), 8))
    np.savez(path, x=x, y=y, domain=domain)
    return path


def config(path: Path, folder: Path, *words: str) -> DictConfig:
    small = [
        "dataset=domains", f"dataset.source.files.path={path}", "dataset.source.test_domains=[cat]", "backbone=mlp",
        "backbone.sizes=[8]", "episode.way=3", *TINY, f"paths.cache_dir={folder / 'cache'}",
    ]  # fmt: skip
    made = composed(*small, *words)
    OmegaConf.update(made, "paths.output_dir", str(folder / "run"))
    return made


def test_no_learner_is_told_the_domains() -> None:
    assert not {"family", "domain", "domains"} & {field.name for field in fields(Episode)}


def test_no_row_of_a_held_out_domain_is_trained_on(tmp_path: Path) -> None:
    made = tasks(tmp_path)
    draw = made.sampler(spec(sources=1), 0, "train", True)(range(200))
    rows = np.concatenate([draw.support, draw.query, draw.unlabelled, draw.outer], axis=1)
    assert set(made.items()[rows][..., 0].ravel().astype(int)) == {0, 1}


@pytest.mark.parametrize("hold_out", ["classes", "both"])
def test_no_row_of_a_held_out_class_is_trained_on(tmp_path: Path, hold_out: str) -> None:
    made = tasks(tmp_path, hold_out=hold_out, ratio=(0.5, 0.0, 0.5), val_domains=None)
    make_up = spec(way=3)
    drawn = {}
    for split in ("train", "test"):
        draw = made.sampler(make_up, 0, split, False)(range(60))
        rows = made.items()[np.concatenate([draw.support, draw.query, draw.unlabelled], axis=1)].astype(int)
        drawn[split] = {(int(d), int(k)) for d, k, _ in rows.reshape(-1, 3)}
    assert not {k for _, k in drawn["train"]} & {k for _, k in drawn["test"]}
    assert (2 in {d for d, _ in drawn["train"]}) == (hold_out == "classes")
    assert made.task_spec(make_up, make_up, None).base_classes == 3  # type: ignore[arg-type]


def test_it_says_what_is_where(tmp_path: Path) -> None:
    assert tasks(tmp_path).description() == (
        "4 domains, 6 of 6 classes in common; train: ant bee → ant bee, 6 classes; val: ant bee → dog, 6 classes; "
        "test: ant bee dog → cat, 6 classes"
    )


def test_what_changes_at_test(npz: Path, tmp_path: Path) -> None:
    words = ("episode.test.shot=all", "episode.test.queries=all", "episode.test.transductive=true")
    made = config(npz, tmp_path, *words)
    source = build_source(made)
    train, test = source.make_ups(*make_up_values(made))
    assert (train.shot, train.queries, train.transductive) == (1, 5, False)
    assert (test.shot, test.queries, test.transductive) == ("all", "all", True)
    assert test.sentence() == (
        "3-way, a class: all labelled of the source domain, U the queries, all queries of the target"
    )
    task = build_task_spec(made, source)
    assert (task.way, task.input_shape, task.base_classes) == (3, (8,), CLASSES)


@pytest.mark.parametrize("words", [
    ("model=protonet", "ssl=soft_kmeans"), ("model=baseline", "ssl=none", "model.test_steps=2"),
    ("model=maml", "ssl=entropy", "episode.sources=2", "episode.unlabelled_from=both", "episode.target_shot=1"),
    ("model=r2d2", "ssl=label_propagation", "episode.test.shot=all", "episode.test.queries=all", "episode.test.transductive=true"),
])  # fmt: skip
def test_is_trained_and_tested(npz: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    made = config(npz, tmp_path, *words)
    (tmp_path / "run").mkdir()
    assert 0 <= train_and_test(made, tmp_path / "run", {"model": "m", "ssl": "s"}, []) <= 1
    table = pq.read_table(tmp_path / "run" / "episodes.parquet")
    assert all(family % 4 == NAMES.index("cat") for family in table["family"].to_pylist())


SPECS = {"domains": domain_spec, "classes": lambda values: episode_spec(**values), "table": table_spec}


@pytest.mark.parametrize(("kind", "changes", "line"), [
    ("domains", {"queries": "all"}, "episode.unlabelled: found 4 beside queries=all, which leaves no row of the target for U; allowed are unlabelled=0 and transductive=true."),
    ("domains", {"shot": "all", "unlabelled_from": "both"}, "episode.unlabelled_from: found 'both' beside shot=all, which leaves no row of a source for U; allowed is target."),
    ("domains", {"transductive": True, "unlabelled_from": "both"}, "episode.unlabelled_from: found 'both' beside transductive=true, where U is the queries; allowed is target."),
    ("domains", {"unlabelled_from": "targets"}, "episode.unlabelled_from: found 'targets'. Did you mean 'target'? Allowed: both, target."),
    ("domains", {"shot": "every"}, "episode.shot: found 'every', allowed is a whole number of at least 1, a range [low, high] of such, or, between domains, all."),
    ("domains", {"shot": [1, 2]}, "episode.shot: found [1, 2], allowed is a whole number of at least 1."),
    ("domains", {"target_shot": -1}, "episode.target_shot: found -1, allowed is a whole number of at least 0."),
    ("classes", {}, "episode.sources: found 1, as in an episode between domains; allowed with a dataset of classes without domains is an episode of classes, such as episode=standard."),
    ("classes", {"sources": None, "shot": "all"}, "episode.shot: found 'all', allowed is a number; all rows there are only in tasks between domains (episode=domains)."),
    ("table", {"classes": 3, "queries": "all"}, "episode.queries: found 'all', allowed is a number; all rows there are only in tasks between domains (episode=domains)."),
])  # fmt: skip
def test_a_wrong_make_up_is_one_line(kind: str, changes: dict, line: str) -> None:
    values = {key: value for key, value in {**MAKE_UP, **changes}.items() if value is not None}
    if kind == "classes" and "sources" not in values:
        values = {key: values[key] for key in ("way", "shot", "queries", "unlabelled", "transductive")}
    with pytest.raises(ConfigError) as caught:
        SPECS[kind](values)
    assert str(caught.value) == line


def test_an_episode_within_one_data_set_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"episode\.target_shot: found none, .* allowed with domains is episode=domains"
    ):
        domain_spec({"way": 3, "shot": 1, "queries": 1, "unlabelled": 1, "transductive": False})


def test_what_is_wrong_at_test_alone_is_named_there() -> None:
    with pytest.raises(ConfigError, match=r"^episode\.test\.unlabelled: found 4 beside queries=all"):
        both_specs(MAKE_UP, {"queries": "all"})
