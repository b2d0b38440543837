"""Command lines that run in a process of their own and are killed at some moment."""

import contextlib
import io
import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pyarrow.parquet as pq
import torch
from omegaconf import OmegaConf

from metassl.files import read_json

VARIES = ("wall_seconds",)  # in results
FOREIGN = (".hydra", ".lock", ".log")  # Hydra's own words and locks, which differ by design


def server() -> ForkServerContext:
    """Processes fork from one that has imported torch already: a start takes milliseconds, not seconds."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["metassl.training.run", "metassl.cli.train", "tests.support.killing"])
    return context


def work(line: list[str], folder: str) -> None:
    """One command line in a folder, silent; what it says goes into said.txt."""
    from metassl.cli.main import run

    os.setsid()  # its workers die with it
    os.chdir(folder)
    sys.argv = ["metassl", *line]
    torch.set_num_threads(1)
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = run(line)
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        Path("said.txt").write_text(said.getvalue())
    os._exit(code)


def run_line(
    context: ForkServerContext,
    line: list[str],
    folder: Path,
    when: float | Callable[[], bool] | None = None,
    number: int = signal.SIGKILL,
    target: Callable[[list[str], str], None] = work,
) -> int:
    """The exit code of a command line; a signal is sent to it after some seconds, or when something is so."""
    process = context.Process(target=target, args=(line, str(folder)))
    process.start()
    if isinstance(when, float):
        process.join(when)
    elif when is not None:
        while process.is_alive() and not when():
            process.join(0.05)
    if when is not None and process.is_alive():
        assert process.pid is not None
        send = os.killpg if number == signal.SIGKILL else os.kill
        send(process.pid, number)
    process.join(300)
    assert process.exitcode is not None
    return process.exitcode


def contents(folder: Path) -> dict[str, object]:
    """What every file below a folder says, but for the time that it took and where it lies."""
    files = [p for p in sorted(folder.rglob("*")) if p.is_file()]
    return {
        str(p.relative_to(folder)): _content(p, folder)
        for p in files
        if not any(part.endswith(FOREIGN) for part in p.relative_to(folder).parts) and p.name != "run.json"
    }


def _content(path: Path, folder: Path) -> object:
    if path.suffix == ".ckpt":
        state = torch.load(path, weights_only=True)
        return state["global_step"], {k: v.tolist() for k, v in state["state_dict"].items()}
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pydict()
    if path.suffix == ".json":
        return {k: v for k, v in read_json(path).items() if k not in VARIES}
    if path.suffix == ".yaml":
        plain = OmegaConf.to_container(OmegaConf.load(path))
        assert isinstance(plain, dict)
        return json.dumps({k: v for k, v in plain.items() if k not in ("resume", "hydra")}).replace(
            str(folder), ""
        )
    return path.read_bytes()
