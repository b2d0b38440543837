"""A classifier of pictures whose learner was trained on their features: the encoder travels with it."""

import json
import os
import pickle
import shutil
import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import torchvision
from omegaconf import DictConfig
from PIL import Image

from metassl import MetaClassifier
from metassl.data.images.encoders import PictureEncoder
from metassl.errors import UserError
from metassl.library.saved_models import read_saved
from metassl.runs.file_names import ENCODER, TASK
from metassl.training.build import build_source
from metassl.training.embedding import keep_encoder
from metassl.training.run import train_and_test
from metassl.weights_file import read_weights, write_weights
from tests.conftest import TINY
from tests.support.composing import composed
from tests.support.console import metassl

SMALL = "shufflenet_v2_x0_5"
WORDS = (
    "dataset=arrays", "model=protonet", "ssl=soft_kmeans", "features=torchvision", f"features.model={SMALL}",
    "features.size=32",
)  # fmt: skip


def informed(path: Path) -> None:
    """Random weights with averages under which features are no zeros."""
    torch.manual_seed(0)
    network = torchvision.models.get_model(SMALL, num_classes=3)
    for norm in (m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        norm.momentum = 1.0
    with torch.no_grad():
        network(torch.rand(8, 3, 32, 32))
    torch.save(network.state_dict(), path)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, tiny_npz: Path) -> Path:
    """A short run on the features of grey pictures, whose file of weights is gone by now."""
    folder = tmp_path_factory.mktemp("embedded") / "run"
    folder.mkdir()
    weights = folder.parent / "w.pth"
    informed(weights)
    config = composed(*WORDS, f"features.weights={weights}", f"dataset.source.path={tiny_npz}", *TINY)
    config.paths.output_dir, config.paths.cache_dir = str(folder), str(folder.parent / "cache")
    train_and_test(config, folder, {"model": "protonet"}, [])
    np.save(folder.parent / "items.npy", build_source(config).items())
    weights.unlink()
    return folder


@pytest.fixture
def sent(run: Path, tmp_path: Path) -> Path:
    """The run's model, exported."""
    assert metassl("export", f"run={run}", f"to={tmp_path / 'sent'}") == 0
    return tmp_path / "sent"


@pytest.fixture
def labelled(tiny_arrays: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of three classes, of which every fourth has a label."""
    x, y = tiny_arrays["images"][:60], tiny_arrays["labels"][:60].copy()
    y[np.arange(60) % 4 > 0] = -1
    return x, y


def test_it_gives_the_vectors_that_the_training_saw(
    run: Path, sent: Path, labelled: tuple[np.ndarray, np.ndarray], capsys: pytest.CaptureFixture[str]
) -> None:
    x, y = labelled
    expected = np.load(run.parent / "items.npy")[:60]
    assert np.ptp(expected, axis=0).max() > 0.01, "features that tell pictures apart"
    answers = []
    for place in (run, sent):
        model = MetaClassifier.load(place).fit(x, y)
        np.testing.assert_allclose(model.encode(x), expected, atol=1e-5)
        answers.append(model.predict_proba(x))
        floats = (x / 255).astype(np.float32)
        np.testing.assert_allclose(model.fit(floats, y).encode(floats), expected, atol=1e-5)
    np.testing.assert_array_equal(*answers)
    assert (MetaClassifier.load(run).fit(x, y).predict(x) == np.repeat([0, 1, 2], 20)).mean() > 0.6
    assert json.loads((run / TASK).read_text())["encoded_shape"] == [1, 16, 16]
    said = repr(read_saved(sent))
    assert said == f"<Model {sent}: tasks of up to 5 classes, pictures of 1×16×16 as vectors of 1024>"


def test_it_is_exported_with_its_encoder(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for half in (False, True):
        to = tmp_path / str(half)
        assert metassl("export", f"run={run}", f"to={to}", f"half={str(half).lower()}") == 0
        assert f"{to / ENCODER}: the weights of torchvision's {SMALL}, " in capsys.readouterr().out
        content = json.loads((to / "config.json").read_text())
        assert content["encoder"]["model"] == SMALL
        assert content["encoder"]["size"] == 32
        assert content["encoder"]["weights"] is None
        kept, found = read_weights(run / ENCODER, "a"), read_weights(to / ENCODER, "b")
        assert kept.keys() == found.keys() >= {"mean", "std"}
        assert all(torch.allclose(found[n], v, rtol=1e-3 * half, atol=1e-3 * half) for n, v in kept.items())
    assert (tmp_path / "True" / ENCODER).stat().st_size < 0.6 * (tmp_path / "False" / ENCODER).stat().st_size


def test_files_of_a_folder_get_labels(
    run: Path,
    tmp_path: Path,
    tiny_arrays: dict[str, np.ndarray],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the command, each picture embedded once, though its check fits again and again."""
    for k in range(45):
        name = f"c{k // 15}" if k % 15 < 3 else "unlabelled"
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True, exist_ok=True)
        picture = tiny_arrays["images"][20 * (k // 15) + k % 15, ..., 0]
        Image.fromarray(picture).save(folder / f"{k // 15}_{k}.png")
    seen: list[int] = []
    embedded = PictureEncoder.embedded

    def counting(self: PictureEncoder, items: np.ndarray, network: object) -> np.ndarray:
        seen.append(len(items))
        return embedded(self, items, network)  # type: ignore[arg-type]

    monkeypatch.setattr(PictureEncoder, "embedded", counting)
    monkeypatch.chdir(tmp_path)
    assert metassl("label", "images=photos", f"model={run}", "folds=3") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "9 labelled pictures, 3 c0, 3 c1, 3 c2; 36 without a label"
    assert said[1] == f"pictures: read at 16×16×1, made vectors by torchvision's {SMALL}"
    found = pd.read_csv("photos/labels.csv")
    assert (found["label"].str[1] == found["file"].str.extract(r"/(\d)_")[0]).mean() > 0.5
    assert seen == [45]


def test_a_copy_and_what_was_pickled_do_the_same(sent: Path, labelled: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = labelled
    model = MetaClassifier.load(sent).fit(x, y)
    assert deepcopy(model.model).encoder is model.model.encoder
    other = pickle.loads(pickle.dumps(model))
    np.testing.assert_allclose(other.predict_proba(x), model.predict_proba(x), atol=1e-6)
    twice = np.concatenate((x[:2], x[:2][::-1]))
    np.testing.assert_array_equal(model.encode(twice), model.encode(x[[0, 1, 1, 0]]))


def test_runs_share_one_file(
    run: Path, make_config: Callable[..., DictConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a second name of a file can't be given it is copied."""
    files = list((run.parent / "cache").glob("encoder-*.safetensors"))
    assert len(files) == 1
    assert os.path.samefile(files[0], run / ENCODER)
    config = make_config(*WORDS, "backbone=adapter")
    source = build_source(config)
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError("no second names here")))
    keep_encoder(source, tmp_path, Path(config.paths.cache_dir))
    assert (tmp_path / ENCODER).stat().st_nlink == 1
    kept = next(Path(config.paths.cache_dir).glob("encoder-*.safetensors"))
    assert (tmp_path / ENCODER).read_bytes() == kept.read_bytes()


def test_what_is_given_in_the_wrong_form(sent: Path, labelled: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = labelled
    model = MetaClassifier.load(sent)
    with pytest.raises(ValueError, match=r"^X: found rows of numbers or words, the model was"):
        model.fit(np.zeros((60, 1024), np.float32), y)
    model.fit(x, y)
    with pytest.raises(ValueError, match="found rows of numbers or words"):
        model.predict(np.zeros((2, 1024), np.float32))


def test_a_run_of_before_takes_vectors(
    run: Path, tmp_path: Path, labelled: tuple[np.ndarray, np.ndarray]
) -> None:
    """Its folder says nothing of pictures, and has no encoder."""
    old = shutil.copytree(run, tmp_path / "old")
    (old / ENCODER).unlink()
    facts = json.loads((old / TASK).read_text())
    (old / TASK).write_text(json.dumps({**facts, "encoded_shape": None, "pictures": None}))
    x, y = labelled
    model = MetaClassifier.load(old).fit(np.load(run.parent / "items.npy")[:60], y)
    assert model.predict_proba(np.load(run.parent / "items.npy")[:2]).shape == (2, 3)
    with pytest.raises(ValueError, match=r"^X: found pictures, the model was trained on vectors\.$"):
        model.fit(x, y)


def test_an_encoder_that_is_gone_damaged_or_of_another_network(run: Path, sent: Path, tmp_path: Path) -> None:
    torn = shutil.copytree(run, tmp_path / "torn")
    for place in (torn, sent):
        weights = read_weights(place / ENCODER, "")
        (place / ENCODER).unlink()  # the run's is another name of a file of others
        with pytest.raises(UserError) as caught:
            read_saved(place)
        assert str(caught.value) == (
            f"model: {place / ENCODER}: not found; it holds the weights of {SMALL}, which made vectors of the pictures "
            "of the training, and goes with the other files."
        )
        (place / ENCODER).write_bytes(b"\x00" * 20)
        with pytest.raises(UserError, match=r"encoder.safetensors: no whole file of safetensors"):
            read_saved(place)
        name = "network.conv1.0.weight"
        for wrong in (
            {**weights, name: weights[name][:3]},
            {**weights, "mean": torch.zeros(1)},
            {"std": weights["std"]},
        ):
            write_weights(place / ENCODER, wrong, {})
            with pytest.raises(
                UserError, match=rf"encoder.safetensors: no weights of torchvision's {SMALL} \("
            ) as caught:
                read_saved(place)
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("change", "line"), [
    ({"encoder": None}, "'encoder' has to be keys with values where trained_on has an encoded_shape"),
    ({"encoder": "resnet18"}, "'encoder' has to be keys with values"),
    ({"encoder": {"_target_": "os.system", "command": "true"}}, "_target_ 'os.system' is refused"),
    ({"encoder": {"_target_": "metassl.ssl.none.NoObjective"}}, "found 'metassl.ssl.none.NoObjective' in front of the learner, allowed are what"),
    ({"encoder": {"_target_": "metassl.data.images.encoders.TorchvisionFeatures", "model": "resnet81"}}, "features.model: found 'resnet81'. Did you mean"),
])  # fmt: skip
def test_a_folder_from_anywhere(sent: Path, change: dict, line: str) -> None:
    path = sent / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UserError, match=line) as caught:
        read_saved(sent)
    assert "\n" not in str(caught.value)


def test_networks_of_timm_and_none_without_it(
    make_config: Callable[..., DictConfig],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tiny_arrays: dict[str, np.ndarray],
) -> None:
    pytest.importorskip("timm")
    words = (
        "model=protonet",
        "ssl=none",
        "features=timm",
        "features.model=test_resnet",
        "features.size=null",
    )
    config, folder = make_config(*words, "backbone=adapter"), tmp_path / "run"
    folder.mkdir()
    train_and_test(config, folder, {}, [])
    model = MetaClassifier.load(folder).fit(tiny_arrays["images"][:40], tiny_arrays["labels"][:40])
    found = model.encode(tiny_arrays["images"][:40])
    np.testing.assert_allclose(found, build_source(config).items()[:40], atol=1e-5)
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(
        UserError, match=r"^features: timm's networks need .*pip install 'metassl\[timm\]'"
    ) as caught:
        read_saved(folder)
    assert "\n" not in str(caught.value)
