"""Command lines in processes of their own, forked from one that has imported torch and Lightning.

Starting Python for each would take ten times as long as what most of these commands do.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from subprocess import CompletedProcess

from tests.support.killing import server


def done(line: Sequence[str], folder: Path, env: Mapping[str, str] | None = None) -> CompletedProcess[str]:
    """What `python -m metassl` with these words comes to in a folder: exit code, output and errors.

    Args:
        line: the words.
        folder: the current one.
        env: what the environment has beside this process's own.
    """
    process, out, err = begun(line, folder, env)
    process.join(300)
    assert process.exitcode is not None
    found = CompletedProcess(list(line), process.exitcode, out.read_text(), err.read_text())
    out.unlink()
    err.unlink()
    return found


def begun(
    line: Sequence[str], folder: Path, env: Mapping[str, str] | None = None
) -> tuple[ForkServerProcess, Path, Path]:
    """The process of such a command while it goes on, and the files in which its output and its errors are."""
    out, err = folder / ".stdout", folder / ".stderr"
    for file in (out, err):
        file.unlink(missing_ok=True)  # of a command before, that was killed
    environment = {**os.environ, **(env or {})}
    process = server().Process(target=_do, args=(list(line), str(folder), environment, str(out), str(err)))
    process.start()
    return process, out, err


def started(line: Sequence[str], folder: Path) -> CompletedProcess[str]:
    """The same by Python itself, for what can't be forked."""
    program = [sys.executable, "-m", "metassl", *line]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent.parent)}
    return subprocess.run(program, cwd=folder, env=env, capture_output=True, text=True, check=False)


def _do(line: list[str], folder: str, environment: dict[str, str], out: str, err: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.argv = ["metassl", *line]
    from metassl.cli.main import run

    try:
        sys.exit(run(line))
    finally:
        sys.stdout.flush()
