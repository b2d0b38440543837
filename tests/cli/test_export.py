"""The commands that write and list models."""

import json
from pathlib import Path

import numpy as np
import pytest

from metassl import MetaClassifier
from metassl.shipped import shipped_models
from metassl.trained.onnx_file import Graph
from metassl.training.run import train_and_test
from tests.conftest import TINY
from tests.support.composing import composed
from tests.support.console import metassl


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run on letters."""
    folder = tmp_path_factory.mktemp("export") / "run"
    folder.mkdir()
    config = composed("model=maml", "ssl=none", "backbone.depth=2", *TINY)
    config.paths.output_dir = str(folder)
    train_and_test(config, folder, {"model": "maml"}, ["model=maml", "hydra.run.dir=/home/me"])
    return folder


def test_a_run_is_exported_and_answers_alike(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    to = run.parent / "model"
    assert metassl("export", f"run={run}", f"to={to}") == 0
    assert f"{to}: " in capsys.readouterr().out
    content = json.loads((to / "config.json").read_text())
    assert content["about"]["overrides"] == ["model=maml"]
    assert content["about"]["results"]["score"] == "accuracy"
    assert len(content["trained_on"]["pictures"]) > 5
    x = np.random.default_rng(0).integers(0, 256, (20, 28, 28), dtype=np.uint8)
    y = np.arange(20) % 2
    one, other = (MetaClassifier.load(place) for place in (run, to))
    for model in (one, other):
        with pytest.warns(UserWarning, match="unlike the pictures of the model's training"):
            model.fit(x, y)
    assert np.array_equal(one.predict_proba(x), other.predict_proba(x))
    assert metassl("export", f"run={run}", f"to={to}") == 2
    assert "is there already and is not written over" in capsys.readouterr().err


def test_a_run_answers_when_its_data_are_gone(run: Path, tmp_path: Path) -> None:
    """What its tasks were like is in its folder; a folder of before that asks the data."""
    config = run / "config.yaml"
    kept = config.read_text()
    try:
        config.write_text(
            kept.replace("metassl.data.images.glyphs.Glyphs", "metassl.data.images.image_folder.ImageFolder")
        )
        config.write_text(config.read_text().replace("  source:\n", "  source:\n    path: nowhere\n", 1))
        assert MetaClassifier.load(run).model.facts.input_shape == (1, 28, 28)
    finally:
        config.write_text(kept)


def test_the_embedding_is_written_beside_it_or_nothing_is(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    to = tmp_path / "model"
    assert metassl("export", f"run={run}", f"to={to}", "onnx=true") == 2
    assert capsys.readouterr().err.startswith("error: onnx: found backbone.norm=batch, by which the features")
    assert not to.exists()
    about = {"opset": 18, "pictures": [1, 14, 14], "features": [144]}
    monkeypatch.setattr("metassl.cli.export.embedding_graph", lambda _: Graph(b"content", about, True))
    assert metassl("export", f"run={run}", f"to={to}", "onnx=true") == 0
    said = capsys.readouterr()
    line = "pictures B×1×14×14, float32 from 0 to 255, to features B×144; opset 18, 0.00 MB"
    assert said.out.splitlines()[-1] == f"{to / 'embedding.onnx'}: {line}"
    assert (
        said.err
        == "note: this model may change its network for a task; embedding.onnx has it as it is before that.\n"
    )
    assert (to / "embedding.onnx").read_bytes() == b"content"
    assert json.loads((to / "config.json").read_text())["onnx"] == {"file": "embedding.onnx", **about}
    MetaClassifier.load(to)


@pytest.mark.parametrize(("words", "line"), [
    (["to=x"], "run: has no default, give it as run=outputs/<when>"),
    (["run=nowhere"], "to: has no default, give it as to=model/"),
    (["run=nowhere", "to=x"], "model, a folder of a run or of an exported one, or a name: found 'nowhere'"),
    (["run=nowhere", "to=x", "half=1"], "half: found 1, allowed is true or false"),
    (["run=nowhere", "to=x", "onnx=yes"], "onnx: found 'yes', allowed is true or false"),
    (["rum=nowhere"], "export: found 'rum'. Did you mean 'run'?"),
])  # fmt: skip
def test_what_is_refused(capsys: pytest.CaptureFixture[str], words: list[str], line: str) -> None:
    assert metassl("export", *words) == 2
    assert capsys.readouterr().err.startswith(f"error: {line}")


def test_models_are_listed_with_their_cards(capsys: pytest.CaptureFixture[str]) -> None:
    assert metassl("models") == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in said] == list(shipped_models())
    for name in shipped_models():
        assert metassl("models", name) == 0
        card = capsys.readouterr().out
        for what in ("data", "made by", "scores", "Licence"):
            assert f"| {what} |" in card, (name, what)
    assert metassl("models", "tabels") == 2
    assert "Did you mean 'tables'?" in capsys.readouterr().err
