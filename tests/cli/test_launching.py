"""The words that name a launcher."""

import inspect

import pytest
from hydra.utils import get_object
from omegaconf import OmegaConf

from metassl.cli.arguments import prepare
from metassl.cli.choices import options_of
from metassl.cli.launching import read_launcher
from metassl.cli.map import read_options
from metassl.errors import ConfigError
from metassl.experiments.launchers.local import Local
from metassl.experiments.launchers.ray_cluster import RayCluster
from metassl.experiments.launchers.slurm import Slurm
from tests.conftest import CONF


def test_settings_reach_the_launcher_and_other_words_the_runs() -> None:
    launcher, others = read_launcher(["launcher=ray", "launcher.cpus=0.5", "seed=1"])
    assert isinstance(launcher, RayCluster)
    assert (launcher.cpus, launcher.gpus, others) == (0.5, 0, ["seed=1"])
    launcher, _ = read_launcher(["launcher=slurm", "launcher.partition=gpu", "launcher.more={qos: low}"])
    assert isinstance(launcher, Slurm)
    assert (launcher.partition, launcher.more) == ("gpu", {"qos": "low"})
    assert isinstance(read_launcher([])[0], Local)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["launcher=rai"], r"^launcher: found 'rai'\. Did you mean 'ray'\? Allowed: local, ray, slurm\.$"),
        (["launcher.runss=3"], r"launcher\.runss.*Did you mean 'launcher\.runs'"),
        (["launcher=slurm", "launcher.address=auto"], r"launcher\.address"),
        (["launcher.runs=0"], r"^launcher\.runs: found 0, allowed is a whole number of at least 1\.$"),
        (["launcher=slurm", "launcher.cluster=sge"], r"^launcher\.cluster: found 'sge'\..*slurm"),
        (["launcher=ray", "launcher.gpus=-1"], r"^launcher\.gpus: found -1"),
    ],
)
def test_a_slip_is_one_line(words: list[str], line: str) -> None:
    with pytest.raises(ConfigError, match=line) as caught:
        read_options(["out=map", *words])
    assert "\n" not in str(caught.value)


def test_a_sweep_of_train_has_hydra_s_launchers_and_one_device_a_job() -> None:
    with pytest.raises(ConfigError, match=r"^launcher=ray: is a word of metassl map.*hydra/launcher"):
        prepare(["-m", "launcher=ray"], CONF)
    for words in (["trainer=ddp"], ["trainer.devices=auto"], ["trainer.devices=[0,1]"]):
        with pytest.raises(ConfigError, match=r"^trainer.devices: found .*; a run of many has one device"):
            prepare(["-m", "seed=0,1", *words], CONF)
    with pytest.raises(ConfigError, match=r"^trainer.devices: found 2"):
        read_options(["out=map", "trainer.devices=2"])
    prepare(["-m", "seed=0,1", "trainer.devices=[3]"], CONF)


@pytest.mark.parametrize("name", options_of("launcher", CONF))
def test_the_files_have_the_defaults_of_the_classes(name: str) -> None:
    values = OmegaConf.to_container(OmegaConf.load(CONF / "launcher" / f"{name}.yaml"))
    arguments = inspect.signature(get_object(values.pop("_target_"))).parameters
    assert values == {key: argument.default for key, argument in arguments.items()}
