"""Learners of a run's folder, which may come from anywhere."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.datasets import load_iris

import metassl
from metassl import MetaClassifier
from metassl.cli.evaluate import run_config
from metassl.library.saved_models import read_saved
from metassl.trained.likeness import described
from metassl.training.run import train_and_test
from tests.conftest import TINY
from tests.support.composing import composed
from tests.support.models import random_model
from tests.trained.test_likeness import drawings

FLOWERS = load_iris(as_frame=True)
TRUTH = FLOWERS.target.to_numpy()
FEW = np.where(np.arange(150) % 50 < 5, TRUTH, -1)
WORDS = ("dataset=prior", "model=protonet", "ssl=soft_kmeans", "dataset.source.columns=6", *TINY)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on synthetic tables of six numbers a row."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    folder.mkdir()
    config = composed(*WORDS)
    config.paths.output_dir = str(folder)
    config.paths.cache_dir = str(folder.parent / "cache")
    train_and_test(config, folder, {}, [])
    return folder


def test_a_run_answers_as_in_a_notebook(run: Path) -> None:
    """With the weights that its meta-test read, and rows of its width."""
    made = MetaClassifier.load(run).fit(FLOWERS.data, FEW)
    assert (made.width, made.scale, made.encode(FLOWERS.data).shape) == (6, "standard", (150, 6))
    best = run / "checkpoints" / "best.ckpt"
    weights = torch.load(best, weights_only=True)["state_dict"]
    assert all(torch.equal(weights[f"learner.{k}"], v) for k, v in made.model.learner().state_dict().items())
    found = made.predict_proba(FLOWERS.data)
    for model in (str(run), best):
        assert np.array_equal(MetaClassifier(model).fit(FLOWERS.data, FEW).predict_proba(FLOWERS.data), found)
    x = made.encode(FLOWERS.data)
    task = metassl.task(x[FEW >= 0], FEW[FEW >= 0], x[FEW < 0])
    calibrated = np.log(metassl.predict(made.model.learner(), task, x)) / made.model.temperature
    assert np.allclose(softmax(calibrated, axis=1), found, atol=1e-5)
    assert MetaClassifier.load(run, width=3, max_rows=9).get_params()["max_rows"] == 9


def test_it_is_read_as_a_test_reads_it(run: Path) -> None:
    assert run_config(run, []).model == composed(*WORDS).model
    assert read_saved(run).encoding == {"scale": "standard", "categories": 20, "width": 6}


@pytest.mark.parametrize(("old", "new", "line"), [
    ("metassl.heads.prototypes.Prototypes", "subprocess.Popen", "_target_ 'subprocess.Popen' is refused"),
    ("components: beyond", "components: always", "its rows were principal components throughout"),
    ("sizes:", "size:", "backbone"),
    ("sizes:\n  - 64", "sizes:\n  - 32", "the weights don't fit the config"),
], ids=["foreign", "components", "damaged", "wide"])  # fmt: skip
def test_what_a_folder_may_not_hold(run: Path, tmp_path: Path, old: str, new: str, line: str) -> None:
    other = shutil.copytree(run, tmp_path / "other")
    config = other / "config.yaml"
    assert old in config.read_text()
    config.write_text(config.read_text().replace(old, new))
    with pytest.raises(ValueError, match=line):
        MetaClassifier.load(other)


def test_no_run(run: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"^model, a folder of a run or of an exported one, or a name: found .*Allowed: "
    ):
        MetaClassifier(tmp_path).fit(FLOWERS.data, FEW)
    other = shutil.copytree(run, tmp_path / "other")
    (other / "checkpoints" / "best.ckpt").write_bytes(b"no weights")
    with pytest.raises(ValueError, match=r"best.ckpt: refused, it is broken or holds more than weights"):
        MetaClassifier.load(other)


def test_probabilities_have_the_models_temperature() -> None:
    """Logits are divided by it, and their order stays."""
    x = drawings(20)
    model = random_model("protonet", "none", described(x))
    y = np.arange(20) % 4
    made = MetaClassifier(model).fit(x, y)
    plain = metassl.predict(model.learner(), metassl.task(x, y), x)
    assert model.temperature == 1.5
    found = made.predict_proba(x)
    assert np.allclose(found, softmax(np.log(plain.clip(1e-30)) / 1.5, axis=1), atol=1e-5)
    assert not np.allclose(found, plain, atol=1e-3)
