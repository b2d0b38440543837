"""The console command: what it offers, how it ends, and that nothing slow stands in its way."""

import subprocess
import sys

import pytest

from metassl.cli.commands import COMMANDS
from metassl.cli.main import run
from tests.conftest import ROOT

LIGHT = """
import sys
from metassl.cli.main import run
assert run([]) == run(["--help"]) == run(["--version"]) == 0
assert run(["smoke", "--help"]) == run(["transfer", "run=x", "-h"]) == 0
assert "hydra" not in sys.modules
assert run(["trian"]) == run(["train", "modle=maml"]) == run(["train", "-m", "ssl=glob(zz*)"]) == 2
assert "torch" not in sys.modules
"""


def test_it_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    shown = capsys.readouterr().out
    assert run(["--help"]) == 0
    assert capsys.readouterr().out == shown
    for name, command in COMMANDS.items():
        assert f"  {name} " in shown
        assert command.about in shown


def test_a_slip_in_the_name_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["trian", "model=maml"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: command: found 'trian'. Did you mean 'train'? Allowed: ")
    assert said.count("\n") == 1


def test_which_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == "metassl 0.1.0\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_can_be_called_and_helps(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = COMMANDS[name]
    assert callable(command.load())
    assert f"metassl {name}" in command.help()
    if not command.of_hydra:
        assert run([name, "--help"]) == 0
        assert command.help() in capsys.readouterr().out


def test_help_and_slips_are_quick() -> None:
    """Neither torch nor, for help alone, Hydra is imported."""
    done = subprocess.run(
        [sys.executable, "-c", LIGHT], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("door", [["-m", "metassl", "map"], ["scripts/map.py"]])
def test_other_doors_lead_to_the_same(door: list[str]) -> None:
    command = [sys.executable, *door, "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == COMMANDS["map"].help() + "\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_checkout_has_a_door_to_each(name: str) -> None:
    path = ROOT / "train.py" if name == "train" else ROOT / "scripts" / f"{name}.py"
    assert f'run(["{name}", *sys.argv[1:]])' in path.read_text()
