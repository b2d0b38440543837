"""A run's folder may come from a stranger: its config names no code but ours."""

import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from metassl.errors import ConfigError
from metassl.targets import refuse_foreign_targets
from tests.conftest import CONF

OURS = [
    "metassl.learners.gradient.learner.GradientLearner",
    "metassl.backbones.conv4.Conv4",
    "metassl.data.views.AffineJitter",
    "torch.nn.Linear",
    "torch.optim.Adam",
    "torch.optim.lr_scheduler.CosineAnnealingLR",
]
FOREIGN = [
    "os.system",
    "builtins.eval",
    "subprocess.Popen",
    "torch.load",
    "torch.hub.load",
    "torch.os.system",
    "torch.serialization.pickle.loads",
    "torch.utils.cpp_extension.load_inline",
    "torch.multiprocessing.Process",
    "metassl.provenance.subprocess.Popen",
    "metassl.provenance.os.system",
    "metassl.run.train_and_test",  # ours, but no class
    "metassl.files.write_json",
    "metassl.engine.threads.ThreadPoolExecutor",
    "metassl.no_such_module.Thing",
    "metassl.learners.gradient.learner.NoSuchClass",
    "torch.no_such_module.Thing",
    "metasslevil.Thing",
    "torchevil.Thing",
    "pathlib.Path",
    "${oc.env:HOME}",
    "",
    ".",
    "metassl",
    "metassl..run",
]


@pytest.mark.parametrize("target", OURS)
def test_our_own_targets_pass(target: str) -> None:
    refuse_foreign_targets({"a": {"_target_": target}})
    refuse_foreign_targets(OmegaConf.create({"a": [{"_target_": target, "x": 1}]}))


@pytest.mark.parametrize("target", FOREIGN)
def test_foreign_targets_are_refused(target: str) -> None:
    with pytest.raises(ConfigError, match="is refused") as caught:
        refuse_foreign_targets({"model": {"_target_": target}})
    assert "\n" not in str(caught.value)
    assert target in str(caught.value)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda bad: bad,
        lambda bad: [bad],
        lambda bad: {"a": {"b": [{"c": 1}, [bad]]}},
        lambda bad: {"_target_": "torch.nn.Linear", "_args_": [bad]},
        lambda bad: {"_target_": "torch.nn.Linear", "in_features": bad},
        lambda bad: {"a": "${b.c}", "b": {"c": bad}},
    ],
)
def test_a_target_is_found_wherever_it_hides(wrap) -> None:
    content = {"outer": wrap({"_target_": "os.system", "command": "true"})}
    with pytest.raises(ConfigError, match=r"'os\.system' is refused"):
        refuse_foreign_targets(content)
    if "${" not in str(content):
        with pytest.raises(ConfigError, match=r"'os\.system' is refused"):
            refuse_foreign_targets(OmegaConf.create(content))


def test_a_target_behind_an_interpolation_is_refused() -> None:
    """As evaluate passes it: without the loggers, which nothing else may point to."""
    config = OmegaConf.create(
        {
            "logger": {"extra": {"_target_": "os.system"}, "name": "os.system"},
            "model": {"inner": "${logger.extra}", "_target_": "torch.nn.Linear"},
        }
    )
    with pytest.raises(ConfigError, match="refused"):
        refuse_foreign_targets({k: v for k, v in config.items() if k != "logger"})
    config.model = {"_target_": "${logger.name}"}
    with pytest.raises(ConfigError, match="refused"):
        refuse_foreign_targets({k: v for k, v in config.items() if k != "logger"})


def test_a_foreign_module_is_not_even_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flag = tmp_path / "flag"
    for name in ("stranger_module", "metassl_stranger"):
        (tmp_path / f"{name}.py").write_text(f"open({str(flag)!r}, 'w').close()\nclass Thing: pass\n")
        monkeypatch.syspath_prepend(tmp_path)
        with pytest.raises(ConfigError, match=name):
            refuse_foreign_targets({"_target_": f"{name}.Thing"})
        assert name not in sys.modules
    assert not flag.exists()


def test_every_config_of_ours_passes() -> None:
    for path in CONF.rglob("*.yaml"):
        if path.parent.name not in ("logger", "launcher") and path.name != "config.yaml":
            refuse_foreign_targets(OmegaConf.to_container(OmegaConf.load(path)))
