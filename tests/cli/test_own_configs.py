"""Configs and classes of the user's own: found beside the package's, and vouched for by naming their folder."""

import sys
from pathlib import Path
from types import ModuleType

import pytest
from omegaconf import OmegaConf, open_dict

from metassl.cli.arguments import prepare
from metassl.cli.choices import options_of
from metassl.cli.composing import compose_config
from metassl.cli.map import read_options
from metassl.cli.own_configs import own_targets, search_word, words_of
from metassl.errors import ConfigError, UserError
from metassl.targets import refuse_foreign_targets
from tests.conftest import CONF

MINE = "objective:\n  _target_: my_module.Mine\nweight: 0.5\n"
CONFIG = {"ssl": {"objective": {"_target_": "my_module.Mine"}}}


@pytest.fixture(autouse=True)
def _my_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """The module that the configs name is there."""
    module = ModuleType("my_module")
    module.Mine = type("Mine", (), {})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "my_module", module)


def own_folder(path: Path, name: str = "mine") -> Path:
    (path / "ssl").mkdir(parents=True, exist_ok=True)
    (path / "ssl" / f"{name}.yaml").write_text(MINE)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return own_folder(tmp_path / "my conf, it's [mine]")


@pytest.mark.parametrize("flag", ["--config-dir", "-cd"])
def test_an_option_of_ones_own(folder: Path, flag: str) -> None:
    words = words_of(["ssl=mine", flag, str(folder), "ssl.weight=0.25"])
    config = compose_config(words, CONF)
    assert config.ssl.objective._target_ == "my_module.Mine"
    assert config.ssl.weight == 0.25
    assert config.ssl.start == 0.7  # what every objective shares is there, too
    assert {"mine", "consistency"} <= set(options_of("ssl", CONF, words))
    assert "mine" not in options_of("ssl", CONF)


def test_flags_may_stand_anywhere_and_go_first(folder: Path) -> None:
    line = ["ssl=mine", "--config-dir", str(folder), "trainer.steps=2"]
    assert prepare(line, CONF) == ["--config-dir", str(folder), "ssl=mine", "trainer.steps=2"]
    sweep = ["seed=0,1", "-m", "ssl=glob(mi*)", "-cd", str(folder)]
    assert prepare(sweep, CONF) == ["-m", "-cd", str(folder), "seed=0,1", "ssl=glob(mi*)"]


def test_several_folders(folder: Path, tmp_path: Path) -> None:
    other = own_folder(tmp_path / "other", "theirs")
    words = words_of(["ssl=theirs", f"hydra.searchpath=[file://{other}]", "--config-dir", str(folder)])
    assert words[0] == search_word(str(folder), [f"hydra.searchpath=[file://{other}]"])[0]
    assert sum(word.startswith("hydra.searchpath") for word in words) == 1
    assert {"mine", "theirs"} <= set(options_of("ssl", CONF, words))
    assert compose_config(words, CONF).ssl.weight == 0.5


def test_a_slip_lists_own_options(folder: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"ssl: found 'mien'. Did you mean 'mine'\? Allowed: .*mine, mixmatch"
    ):
        prepare(["ssl=mien", "--config-dir", str(folder)], CONF)


def test_a_map_has_a_column_of_ones_own(folder: Path, tmp_path: Path) -> None:
    options = read_options([f"out={tmp_path}", "-cd", str(folder), "models=[maml]", "ssl=[none,mine]"])
    assert options.objectives == ["none", "mine"]
    assert compose_config(["ssl=mine", *options.common], CONF).ssl.weight == 0.5


def test_naming_the_folder_vouches_for_its_classes(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"'my_module\.Mine' is refused.*--config-dir"):
        refuse_foreign_targets(CONFIG)
    vouched = own_targets(search_word(str(folder), []))
    refuse_foreign_targets(CONFIG, vouched)
    for other in ("my_module.Other", "my_module", "os.system"):
        with pytest.raises(ConfigError, match="is refused"):
            refuse_foreign_targets({"_target_": other}, vouched)


def test_a_run_that_lies_in_the_folder_vouches_for_nothing(folder: Path) -> None:
    run = folder / "outputs" / "run"
    run.mkdir(parents=True)
    (run / "config.yaml").write_text("model:\n  _target_: os.system\n")
    vouched = own_targets(search_word(str(folder), []))
    with pytest.raises(ConfigError, match="is refused"):
        refuse_foreign_targets({"_target_": "os.system"}, vouched)


def test_a_run_goes_on_with_the_same_folder(folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / ".hydra").mkdir(parents=True)
    (run / ".hydra" / "overrides.yaml").write_text("[ssl=mine, trainer.steps=2]")
    (run / "checkpoints").mkdir()
    (run / "checkpoints" / "last.ckpt").write_text("")
    search = search_word(str(folder), [])
    config = compose_config([*search, "ssl=mine", "trainer.steps=2"], CONF)
    with open_dict(config):
        del config["hydra"]
        config.paths.output_dir = str(run)
    OmegaConf.save(config, run / "config.yaml", resolve=True)
    for line in (["--config-dir", str(folder), f"resume={run}"], [*search, f"resume={run}"]):
        words = prepare(line, CONF)
        assert set(line) <= set(words)
        assert words[-2:] == [f"hydra.run.dir={run}", f"resume={run}"]
        assert {"ssl=mine", "trainer.steps=2"} <= set(words)
    refuse_foreign_targets(config, own_targets(search))
    with pytest.raises(ConfigError, match=r"ssl: found 'mine'.*the same --config-dir"):
        prepare([f"resume={run}"], CONF)


def test_a_broken_file_of_ones_own_is_one_line(folder: Path) -> None:
    (folder / "ssl" / "broken.yaml").write_text("a: [")
    with pytest.raises(UserError, match=r"broken\.yaml: can't be read") as caught:
        own_targets(search_word(str(folder), []))
    assert "\n" not in str(caught.value)
