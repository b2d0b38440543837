"""Every model runs with every objective on every outcome, in both engines; found from conf/ by itself."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from omegaconf import DictConfig

from metassl.cli.choices import options_of
from metassl.docs.markdown import prose
from metassl.docs.refused import CLASSES, VALUES, Kind, read_refused
from metassl.experiments.pair_configs import pair_config
from metassl.experiments.smoke import refusal, try_pair
from metassl.training.build import build_source
from metassl.training.run import train_and_test
from tests.conftest import CONF, ROOT
from tests.support.composing import composed
from tests.support.short import shorten

MODELS = sorted(path.stem for path in (CONF / "model").glob("*.yaml"))
OBJECTIVES = sorted(path.stem for path in (CONF / "ssl").glob("*.yaml"))
NORMS = ("batch", "support", "group", "running")
BACKBONES = sorted(path.stem for path in (CONF / "backbone").glob("*.yaml"))
# with norms of their own: small ones
PRETRAINED = {"torchvision": "shufflenet_v2_x0_5", "timm": "test_resnet"}
DISTRACTORS = ("episode.distractors=2", "episode.distractor_unlabelled=3")


SMALL = ("episode.way=3", "episode.queries=2", "episode.unlabelled=2")
BRIEF = ("evaluation.episodes=2", "evaluation.val_episodes=2")


def run(config, folder: Path) -> dict:
    folder.mkdir(exist_ok=True)
    validation = train_and_test(config, folder, {"model": "m", "ssl": "s"}, [])
    results = json.loads((folder / "results.json").read_text())
    assert results["validation"]["mean"] == validation
    assert 0 <= results["accuracy"]["mean"] <= 1
    assert pq.read_table(folder / "episodes.parquet")["accuracy"].to_pylist()
    return results


@pytest.fixture(scope="module")
def words(tiny_npz: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    cache = tmp_path_factory.mktemp("product")
    data = ["dataset=arrays", f"dataset.source.path={tiny_npz}", f"paths.cache_dir={cache}"]
    return [*data, "backbone.filters=4", "backbone.depth=2", *SMALL, *DISTRACTORS]


@pytest.fixture(scope="module")
def terms() -> dict[str, DictConfig]:
    """Each objective, with few of what it repeats within itself."""
    from_the_start = ("ssl.start=0", "ssl.ramp=0", "ssl.from_step=0")
    found = {ssl: composed(*from_the_start, f"ssl={ssl}") for ssl in OBJECTIVES}
    for term in found.values():
        if term.ssl.objective.get("steps", 0) > 5:
            term.ssl.objective.steps = 3
    return found


@pytest.mark.parametrize("model", MODELS)
def test_every_objective_runs_with(words: list[str], terms: dict[str, DictConfig], model: str) -> None:
    """One step and one test batch, inductive U with distractors; the loop's gradients are vmap's, see `compared`."""
    base = composed(*words, f"model={model}")
    shorten(base.model)
    assert check_pairs(model, base, terms) == known_refusals(model, CLASSES)


def compared(model: str, ssl: str) -> bool:
    """Whether two engines are compared: each objective in a learner of each kind, each model with a few."""
    return model in ("maml", "protonet", "cnaps") or ssl in FEW


def check_pairs(model: str, base: DictConfig, terms: dict[str, DictConfig]) -> dict[str, str]:
    """Each objective runs with the model, but for those that are refused: why, as the page writes it."""
    source = build_source(base)
    pairs = {
        ssl: try_pair(model, ssl, pair_config(base, term), source, compared(model, ssl))
        for ssl, term in terms.items()
    }
    return {ssl: prose(tried.refused) for ssl, tried in pairs.items() if tried.refused}


def known_refusals(model: str, kind: Kind) -> dict[str, str]:
    """Objective -> why, of the page."""
    known = read_refused(ROOT / "docs" / "refused.md", kind, CONF)
    return {ssl: why for (name, ssl), why in known.items() if name == model}


CURVES = (
    "dataset=curves", "backbone=mlp_40", "backbone.sizes=[6,6]", "episode.shot=4", "episode.queries=4",
    "episode.unlabelled=5",
)  # fmt: skip
KINDS = ("maml", "protonet", "cnaps", "in_context", "nearest_task")  # a learner of each kind
FEW = ("none", "mean_teacher", "label_propagation", "random_walk", "pseudo_label")  # each way that U is used


@pytest.mark.parametrize("outcome", ["regression", "ranking"])
@pytest.mark.parametrize("model", MODELS)
def test_every_objective_runs_on_curves_with(terms: dict[str, DictConfig], model: str, outcome: str) -> None:
    """Each kind of learner with every objective, the others with one of each kind: the losses alone differ.

    Which pairs are refused is asked of all.
    """
    base = composed(*CURVES, f"outcome={outcome}", f"model={model}")
    shorten(base.model)
    known = known_refusals(model, VALUES)
    every = outcome == "regression"
    tried = OBJECTIVES if every and model in KINDS else FEW
    found = check_pairs(model, base, {ssl: terms[ssl] for ssl in tried})
    if every:
        source = build_source(base)
        others = {ssl: terms[ssl] for ssl in OBJECTIVES if ssl not in tried}
        lines = {ssl: refusal(pair_config(base, term), source) for ssl, term in others.items()}
        found |= {ssl: prose(line) for ssl, line in lines.items() if line}
        assert found == known
    else:
        assert set(found) == {*FEW} & {*known}


ALIGNING = ("coral", "mmd", "mme")  # what is made for tasks between domains


@pytest.fixture(scope="module")
def domain_words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Three domains of four classes, images of which the domain changes the brightness."""
    folder = tmp_path_factory.mktemp("between")
    rng, rows = np.random.default_rng(0), np.arange(3 * 4 * 12)
    domain, y = rows // 48, rows // 12 % 4
    images = rng.integers(0, 64, (len(rows), 16, 16, 1)) + 32 * domain[:, None, None, None]
    images += (96 * rng.random((4, 16, 16, 1)))[y].astype(np.int64)
    np.savez(folder / "some.npz", x=images.astype(np.uint8), y=y, domain=domain)
    return [
        "dataset=domains", f"dataset.source.files.path={folder / 'some.npz'}", "dataset.source.test_domains=['2']",
        f"paths.cache_dir={folder}", "backbone.filters=4", "backbone.depth=2", *SMALL, "episode.target_shot=1",
        "episode.unlabelled_from=both",
    ]  # fmt: skip


@pytest.mark.parametrize("model", [*KINDS, "mldg", "baseline"])
def test_objectives_run_between_domains_with(
    domain_words: list[str], terms: dict[str, DictConfig], model: str
) -> None:
    """A learner of each kind with one objective of each kind: between domains the episodes alone differ."""
    base = composed(*domain_words, f"model={model}")
    shorten(base.model)
    tried = (*FEW, *ALIGNING)
    known = known_refusals(model, CLASSES)
    assert set(check_pairs(model, base, {ssl: terms[ssl] for ssl in tried})) == {*tried} & {*known}


USERS = (
    "dataset=tastes", "backbone=blocks", "backbone.size=3", "backbone.sizes=[6,6]", "dataset.source.users=30",
    "dataset.source.items=60", "dataset.source.fewest=30", "dataset.source.most=40", "episode.shot=4",
    "episode.queries=4", "episode.unlabelled=5", "backbone.norm=none",
)  # fmt: skip


@pytest.mark.parametrize("model", KINDS)
def test_objectives_of_each_kind_run_on_users_with(terms: dict[str, DictConfig], model: str) -> None:
    """As on curves, which have been through them all."""
    base = composed(*USERS, f"model={model}", "dataset.source.ratio=[0.6,0.2,0.2]")
    base.backbone.norm = "none"
    shorten(base.model)
    found = check_pairs(model, base, {ssl: terms[ssl] for ssl in FEW})
    assert set(found) == {*FEW} & {*known_refusals(model, VALUES)}


@pytest.mark.parametrize(("outcome", "score"), [
    ("ratings", "mse"), ("ranking", "ndcg"), ("classification", "accuracy"),
])  # fmt: skip
@pytest.mark.parametrize("model", ["maml", "nearest_task"])
def test_users_are_trained_and_tested(
    make_config, tmp_path: Path, model: str, outcome: str, score: str
) -> None:
    few = ("episode.shot=[3,4]", "dataset.source.ratio=[0.6,0.2,0.2]", "episode.test.items=both")
    words = (*USERS, f"outcome={outcome}", f"model={model}", "ssl=label_propagation", *few, *BRIEF)
    like = ["dataset.source.like=4"] if outcome == "classification" else []
    config = make_config(*words, *like, "evaluation.twin=true")
    shorten(config.model)
    (tmp_path / "run").mkdir()
    value = train_and_test(config, tmp_path / "run", {"model": "m", "ssl": "s"}, [])
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["score"] == score
    assert results["validation"]["mean"] == value
    assert (results["items"], results["users"]) == ("both", "new")
    assert {"mse": "rmse", "ndcg": "ndcg_3"}.get(score, "accuracy") in results


@pytest.mark.parametrize("wrapped", ["label_propagation", "consistency"])
@pytest.mark.parametrize("wrapper", ["learned_hparams", "reweight"])
def test_wrappers_run_on_values_around_what_does(wrapper: str, wrapped: str) -> None:
    words = [*CURVES, "ssl.start=0", "ssl.ramp=0", "model=maml", f"ssl@ssl.wrapped={wrapped}"]
    config = composed(*words, f"ssl={wrapper}")
    tried = try_pair("maml", wrapper, config, build_source(config))
    assert bool(tried.refused) == ((wrapper, wrapped) == ("reweight", "consistency"))  # it gives no labels


@pytest.mark.parametrize(("outcome", "score"), [("regression", "mse"), ("ranking", "ndcg")])
@pytest.mark.parametrize("model", ["maml", "protonet"])
def test_curves_are_trained_and_tested(
    make_config, tmp_path: Path, model: str, outcome: str, score: str
) -> None:
    small = ("episode.shot=[3,4]", "episode.queries=4", "episode.unlabelled=5", "dataset.source.noise=0.1")
    words = (
        "dataset=curves",
        "backbone=mlp_40",
        f"outcome={outcome}",
        f"model={model}",
        "ssl=label_propagation",
        *small,
        *BRIEF,
        "evaluation.twin=true",
    )
    config = make_config(*words)
    shorten(config.model)
    (tmp_path / "run").mkdir()
    value = train_and_test(config, tmp_path / "run", {"model": "m", "ssl": "s"}, [])
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert (results["outcome"], results["score"]) == (outcome, score)
    assert results["validation"]["mean"] == value
    table = pq.read_table(tmp_path / "run" / "episodes.parquet")
    difference = np.mean(table[score].to_numpy() - table[f"{score}_twin"].to_numpy())
    assert results["gain"]["mean"] == pytest.approx(difference if score == "ndcg" else -difference)
    assert results["constant"]["mean"] == pytest.approx(np.mean(table["constant"].to_numpy()))
    metrics = (tmp_path / "run" / "metrics.csv").read_text().splitlines()[0].split(",")
    assert f"val/{score}" in metrics


@pytest.mark.parametrize("model", MODELS)
def test_every_model_is_trained_and_tested(make_config, tmp_path: Path, model: str) -> None:
    config = make_config(f"model={model}", "ssl=soft_kmeans", *SMALL, *DISTRACTORS, *BRIEF)
    shorten(config.model)
    results = run(config, tmp_path / "run")
    assert results["deprived"] is not None
    assert 0 <= results["unlabelled_use"]["auroc"] <= 1


@pytest.mark.parametrize("ssl", OBJECTIVES)
def test_every_objective_is_trained_and_tested(make_config, terms, tmp_path: Path, ssl: str) -> None:
    config = pair_config(make_config("model=maml", *SMALL, *DISTRACTORS, *BRIEF), terms[ssl])
    config.ssl.at = "both"
    shorten(config.model)
    assert (run(config, tmp_path / "run")["deprived"] is None) == (ssl == "none")


@pytest.mark.parametrize("at", ["test", "outer"])
@pytest.mark.parametrize("model", ["maml", "protonet"])
def test_other_places(make_config, tmp_path: Path, model: str, at: str) -> None:
    config = make_config(f"model={model}", "ssl=pseudo_label", f"ssl.at={at}", *SMALL, *BRIEF)
    shorten(config.model)
    results = run(config, tmp_path / "run")
    assert (results["deprived"] is None) == (at == "outer")


@pytest.mark.parametrize("backbone", [name for name in BACKBONES if name not in PRETRAINED])
@pytest.mark.parametrize("norm", NORMS)
def test_backbones_and_norms(make_config, tmp_path: Path, backbone: str, norm: str) -> None:
    small = ["backbone.channels=[4,4,4,4]"] if backbone == "resnet12" else []
    words = (
        "model=protonet",
        "ssl=soft_kmeans",
        f"backbone={backbone}",
        f"backbone.norm={norm}",
        *small,
        *BRIEF,
    )
    results = run(make_config(*words), tmp_path / "run")
    assert results["norm"] == norm
    assert results["transductive"] == (norm == "batch")


@pytest.mark.parametrize("backbone", PRETRAINED)
def test_pretrained_backbones(make_config, tmp_path: Path, backbone: str) -> None:
    """The model asks for another norm, which is no matter to them."""
    pytest.importorskip(backbone)
    words = ("model=protonet", "ssl=soft_kmeans", f"backbone={backbone}", "backbone.train=last", *BRIEF)
    results = run(make_config(*words, f"backbone.model={PRETRAINED[backbone]}"), tmp_path / "run")
    assert results["norm"] == "none"
    assert not results["transductive"]


@pytest.mark.parametrize("words", [
    ("episode.way=[2,4]", "episode.shot=[1,2]"), ("episode.transductive=true",),
    ("episode.class_aware=false",),
    ("episode.label_ratio=0.5", "episode.queries=4"), ("episode.imbalance=4",), ("episode.dirichlet=0.5",), ("episode.unlabelled=0",),
    ("episode.test.unlabelled=0",), ("episode.test.queries=7", "episode.test.way=6"),
    ("ssl.in_statistics=true", "backbone.norm=support"), ("trainer.clip=0.1", "trainer.accumulate=2"),
    ("model.test_steps=5",), ("model.inner.learned=false",), ("trainer.workers=2",),
])  # fmt: skip
def test_options(make_config, tmp_path: Path, words: tuple[str, ...]) -> None:
    brief = ("model.steps=2", "model.test_steps=3", *BRIEF)
    run(make_config("model=maml", "ssl=soft_kmeans", *brief, *words), tmp_path / "run")


@pytest.mark.parametrize("ssl", ["consistency", "pseudo_label", "soft_kmeans"])
@pytest.mark.parametrize("model", ["maml", "protonet"])
def test_bf16(make_config, tmp_path: Path, model: str, ssl: str) -> None:
    config = make_config(f"model={model}", f"ssl={ssl}", "trainer.precision=bf16-mixed", *SMALL, *BRIEF)
    shorten(config.model)
    run(config, tmp_path / "run")


@pytest.fixture(scope="module")
def wide_npz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """100 classes of 20 images: 60 classes to train, 20 to validate and to test, enough for the widest papers."""
    path = tmp_path_factory.mktemp("wide") / "wide.npz"
    images = np.random.default_rng(0).integers(0, 256, (2000, 16, 16, 1), dtype=np.uint8)
    np.savez(path, images=images, labels=np.repeat(np.arange(100), 20))
    return path


@pytest.fixture(scope="module")
def wide_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As many texts, of letters by chance."""
    path = tmp_path_factory.mktemp("wide_texts") / "wide.csv"
    letters = np.random.default_rng(0).choice(list("abcdef "), (2000, 12))
    rows = [f"x{''.join(row)},c{k // 20}" for k, row in enumerate(letters)]
    path.write_text("\n".join(["text,label", *rows]))
    return path


TEXTS = ("clinc150", "banking77")  # experiments on features of texts
TABLES = ("tabular_prior", "tables")  # on tables
OF_USERS = ("melu/", "movielens")  # on ratings
DOMAINS = ("office_caltech10",)  # that ask for arrays with domains


@pytest.mark.parametrize("name", options_of("experiment", CONF))
def test_every_experiment_runs(
    make_config, tmp_path: Path, wide_npz: Path, wide_csv: Path, domain_words: list[str], name: str
) -> None:
    """One step of each experiment file, on a small data set in place of its own."""
    brief = [*BRIEF, "trainer.steps=1", "trainer.val_every=1"]
    if name in TEXTS:
        brief += ["dataset=text", f"dataset.source.path={wide_csv}", "features=tfidf", "features.width=8"]
    elif name.startswith(OF_USERS):
        brief += ["dataset=tastes", "dataset.source.users=50", "trainer.tasks=2"]
    elif name in DOMAINS:
        brief += [*domain_words, "episode.way=2", "episode.unlabelled_from=target"]
    elif not name.startswith("curves/") and name not in TABLES:  # which are embedded
        brief += ["dataset=arrays", f"dataset.source.path={wide_npz}"]
    if name in TABLES:
        brief += [
            "dataset=prior",
            "backbone=raw",
            "dataset.source.rows=[20,30]",
            "episode.shot=1",
            "episode.unlabelled=5",
            "trainer.tasks=2",
        ]
    elif not name.startswith(("curves/", *OF_USERS, *DOMAINS)):
        # 20 images a class: 5 shots, 5 queries and 5 for U
        brief += ["episode.label_ratio=0.5", "episode.queries=3"]
        brief += [f"episode.test.{key}=5" for key in ("queries", "unlabelled", "distractor_unlabelled")]
    config = make_config(f"experiment={name}", *brief)
    if "depth" in config.backbone:
        config.backbone.depth = 2
    shorten(config.model)
    (tmp_path / "run").mkdir()
    assert train_and_test(config, tmp_path / "run", {"model": "m", "ssl": "s"}, []) is not None
