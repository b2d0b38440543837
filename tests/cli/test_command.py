"""How a command ends: its own exit code, one line for a mistake, 130 for a stop by hand."""

import errno

import pytest

from metassl.cli.command import run_command
from metassl.errors import ConfigError, Interrupted


def raising(error: BaseException):
    def command() -> int:
        raise error

    return command


@pytest.mark.parametrize(("returned", "code"), [(1, 1), (0, 0), (None, 0), ("a path", 0)])
def test_its_own_code_where_it_gives_one(returned: object, code: int) -> None:
    assert run_command(lambda: returned) == code


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ConfigError("out: has no default"), 2, "error: out: has no default\n"),
        (KeyboardInterrupt(), 130, "error: stopped by hand\n"),
        (Interrupted("stopped; go on"), 130, "error: stopped; go on\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "out/map.md"),
            2,
            "error: out/map.md: can't be written (No space left on device). Make room, or give another folder.\n",
        ),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.\nMore."),
            2,
            "error: out of memory (DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.). "
            "Smaller values of trainer.tasks, evaluation.tasks, the episode's numbers or the backbone need less.\n",
        ),
    ],
)
def test_a_mistake_and_a_stop_are_one_line(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, line: str
) -> None:
    assert run_command(raising(error)) == code
    assert capsys.readouterr().err == line


def test_a_defect_of_the_program_is_not_hidden() -> None:
    with pytest.raises(OSError, match="disk"):
        run_command(raising(OSError("disk")))
