"""A model as a folder, which may come from anywhere."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

import metassl
from metassl.errors import UserError
from metassl.outcomes.classification import CLASSES
from metassl.trained.facts import Facts
from metassl.trained.folder import CONFIG, WEIGHTS, read_model, write_model
from metassl.trained.likeness import described
from metassl.trained.model import SECTIONS, Model
from metassl.weights_file import write_weights
from tests.support.composing import composed
from tests.support.models import AS_THEY_ARE, random_model
from tests.trained.test_likeness import drawings

KNOWN = described(drawings(9))


def made(model: str, ssl: str) -> Model:
    """A model of random weights."""
    return random_model(model, ssl, KNOWN)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_model(made("protonet", "soft_kmeans"), tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize(
    ("model", "ssl"), [("protonet", "soft_kmeans"), ("maml", "mean_teacher"), ("cnaps", "descriptor")]
)
def test_it_gives_the_learner_back(tmp_path: Path, model: str, ssl: str) -> None:
    """To the bit, or to 16 bits of each weight; moving averages and whole numbers too."""
    one = made(model, ssl)
    for half in (False, True):
        to = tmp_path / str(half)
        write_model(one, to, half)
        found = read_model(to)
        assert (found.facts.way, found.temperature, found.about) == (5, 1.5, {"seed": 3})
        assert dict(found.encoding) == AS_THEY_ARE
        assert repr(found) == f"<Model {to}: tasks of up to 5 classes, inputs of 1×28×28>"
        state = found.learner().state_dict()
        for name, value in one.learner().state_dict().items():
            assert torch.allclose(state[name], value, atol=1e-3 if half else 0, rtol=1e-3 if half else 0), (
                name
            )
    sizes = [(tmp_path / str(half) / WEIGHTS).stat().st_size for half in (True, False)]
    assert sizes[0] < sizes[1]


def test_a_pretrained_network_needs_its_own_file_no_more(tmp_path: Path) -> None:
    words = {"backbone.model": "shufflenet_v2_x0_5", "backbone.train": "last"}
    facts = Facts(5, (1, 28, 28), 10, KNOWN)
    learner = metassl.learner(
        "protonet", ssl="none", backbone="torchvision", task=facts.task(CLASSES), options=words
    )
    typed = [f"{key}={value}" for key, value in words.items()]
    config = composed(
        "model=protonet", "ssl=none", "backbone=torchvision", "backbone.weights=gone.pth", *typed
    )
    sections = {name: OmegaConf.to_container(config[name], resolve=True) for name in SECTIONS}
    write_model(
        Model(sections, facts, AS_THEY_ARE, {}, 1.0, learner.state_dict(), "here"), tmp_path / "model"
    )
    found = read_model(tmp_path / "model").learner().state_dict()
    assert all(torch.equal(found[name], value) for name, value in learner.state_dict().items())


def test_nothing_is_written_over(folder: Path) -> None:
    before = (folder / CONFIG).read_bytes()
    with pytest.raises(UserError, match=r"config.json' is there already and is not written over"):
        write_model(made("protonet", "none"), folder)
    assert (folder / CONFIG).read_bytes() == before


@pytest.mark.parametrize(("change", "line"), [
    ({"format": "metassl model, version 2"}, "found the format 'metassl model, version 2', known is"),
    ({"model": {"_target_": "os.system", "command": "true"}}, "_target_ 'os.system' is refused"),
    ({"model": None}, "'model' has to be keys with values"),
    ({"temperature": 0}, "found temperature 0, allowed are numbers above 0"),
    ({"temperature": "warm"}, "found temperature 'warm'"),
    ({"encoding": {"scale": "none"}}, "'encoding' has to have scale, categories and width"),
    ({"trained_on": {"version": 1}}, "input_shape has to be"),
])  # fmt: skip
def test_what_a_config_may_not_hold(folder: Path, change: dict, line: str) -> None:
    path = folder / CONFIG
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UserError, match=line) as caught:
        read_model(folder)
    assert "\n" not in str(caught.value)


def test_a_bit_that_changed_is_seen(folder: Path) -> None:
    """The number stays one, and the config says what the file was."""
    before = {name: value.clone() for name, value in read_model(folder).weights.items()}
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[-2] ^= 1
    (folder / WEIGHTS).write_bytes(content)
    with pytest.raises(
        UserError, match=r"model.safetensors: is not the file that config.json was written with"
    ):
        read_model(folder)
    without_sums(folder)
    after = read_model(folder).weights  # of a model of before there were sums
    assert any((before[name] != after[name]).any() for name in after)


@pytest.mark.parametrize("sums", [{"../other": "0"}, "0", {"config.json": "0"}])
def test_sums_are_those_of_its_own_files(folder: Path, sums: object) -> None:
    path = folder / CONFIG
    path.write_text(json.dumps(json.loads(path.read_text()) | {"sha256": sums}))
    with pytest.raises(UserError, match="'sha256' has to have a sum for files of model"):
        read_model(folder)


def without_sums(folder: Path) -> None:
    content = json.loads((folder / CONFIG).read_text())
    del content["sha256"]
    (folder / CONFIG).write_text(json.dumps(content))


def test_weights_that_are_damaged_or_of_another_model(folder: Path) -> None:
    without_sums(folder)
    write_weights(folder / WEIGHTS, {"backbone.blocks.0.conv.weight": torch.zeros(7, 1, 3, 3)}, {})
    with pytest.raises(UserError, match="the weights don't fit the config"):
        read_model(folder).learner()
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:50])
    with pytest.raises(UserError, match="no whole file of safetensors"):
        read_model(folder)
    (folder / WEIGHTS).unlink()
    with pytest.raises(UserError, match=r"model.safetensors: not found"):
        read_model(folder)


def test_it_is_read_without_lightning_and_configs(folder: Path) -> None:
    line = (
        "import sys; from pathlib import Path; from metassl.trained.folder import read_model;"
        "read_model(Path(sys.argv[1])).learner();"
        "print([name for name in ('pytorch_lightning', 'hydra', 'wandb') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", line, str(folder)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_weights_that_are_no_numbers(folder: Path) -> None:
    one = read_model(folder)
    name = next(iter(one.weights))
    broken = {**one.weights, name: one.weights[name] * float("nan")}
    write_weights(folder / WEIGHTS, broken, {})
    with pytest.raises(UserError, match=f"found NaN or infinite numbers in '{name}', the file is damaged"):
        read_model(folder)


def test_a_class_of_others_is_refused_by_the_name_of_the_file(folder: Path) -> None:
    content = json.loads((folder / CONFIG).read_text())
    content["backbone"] = {"_target_": "os.system", "command": "true"}
    (folder / CONFIG).write_text(json.dumps(content))
    with pytest.raises(UserError, match=rf"^{folder / CONFIG}: _target_ 'os.system' is refused"):
        read_model(folder)
