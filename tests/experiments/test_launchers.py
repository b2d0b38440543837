"""Workers of a sweep and the process that they work for."""

import os
import signal
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from metassl.experiments.launchers.process import end_with_parent


def worker() -> None:
    end_with_parent()
    time.sleep(120)


def parent(tell: Connection) -> None:
    child = get_context("fork").Process(target=worker)
    child.start()
    tell.send(child.pid)
    child.join()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks /proc who runs")
def test_a_worker_ends_with_a_parent_that_was_killed() -> None:
    """It would go on with its run, and the same command, given again, would do that run beside it."""
    context = get_context("forkserver")
    here, there = context.Pipe()
    process = context.Process(target=parent, args=(there,))
    process.start()
    pid = here.recv()
    assert process.pid is not None
    time.sleep(0.2)
    assert _alive(pid)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    deadline = time.monotonic() + 20
    while _alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(pid)


def _alive(pid: int) -> bool:
    """Whether a process runs; one that ended and whom nobody asked after does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
