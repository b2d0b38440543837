"""Workers on this machine: what they are handed, how they die, and how they are stopped."""

import os
import signal
import time
from concurrent.futures import wait
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from metassl.errors import ConfigError, Interrupted, UserError
from metassl.experiments.kept import Kept
from metassl.experiments.launchers.base import WorkerLost, lost
from metassl.experiments.launchers.local import Local
from metassl.experiments.launchers.memory import check_memory, machine_memory
from metassl.experiments.launchers.process import end_with_parent
from metassl.runs.signals import stoppable


def add(kept: Kept, a: int, b: int) -> tuple[int, int, int]:
    """The sum, the worker's process, and the number of times that it was called there."""
    calls = kept.__dict__.setdefault("calls", [])
    calls.append(a)
    return a + b, os.getpid(), len(calls)


def refuse(kept: Kept, what: str) -> None:
    raise UserError(f"{what}: is refused.")


def die(kept: Kept, number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(60)


def until_stopped(kept: Kept, began: Path, left: Path) -> None:
    """What a run does: it leaves a checkpoint when it is told to stop."""
    try:
        with stoppable():
            began.touch()
            time.sleep(120)
    except Interrupted as stop:
        left.write_text(str(stop))


def test_work_is_done_errors_come_back_and_a_dead_worker_takes_one_piece_with_it(tmp_path: Path) -> None:
    with Local(runs=3).workers(1, tmp_path) as workers:
        sums = [workers.submit(add, k, 1) for k in range(4)]
        refused, dead = workers.submit(refuse, "x"), workers.submit(die, signal.SIGKILL)
        after = workers.submit(add, 10, 1)
    found = [future.result() for future in sums]
    assert [value for value, _, _ in found] == [1, 2, 3, 4]
    assert [calls for _, _, calls in found] == [1, 2, 3, 1]  # what is kept ends with the process
    assert len({process for _, process, _ in found}) == 2
    with pytest.raises(UserError, match=r"^x: is refused\.$"):
        refused.result()
    with pytest.raises(WorkerLost, match=r"^its worker was killed \(SIGKILL, as .* memory runs out\)\.$"):
        dead.result()
    assert after.result()[0] == 11


def test_who_works_is_told_to_stop_and_what_waits_is_taken_back(tmp_path: Path) -> None:
    began, left = tmp_path / "began", tmp_path / "left"
    futures = []

    def stopped_by_hand() -> None:
        with Local().workers(1, tmp_path) as workers:
            futures.extend([workers.submit(until_stopped, began, left), workers.submit(add, 1, 1)])
            while not began.exists():
                time.sleep(0.02)
            raise Interrupted("by hand")

    with pytest.raises(Interrupted, match="by hand"):
        stopped_by_hand()
    assert "SIGTERM" in left.read_text()
    assert not wait(futures, 0).not_done
    assert futures[1].cancelled()


def test_how_a_worker_ended_is_said() -> None:
    assert "stopped" in str(lost(130))
    assert "SIGSEGV" in str(lost(-signal.SIGSEGV))
    assert "exit code 3" in str(lost(3))


def test_jobs_that_the_memory_has_no_room_for_are_refused() -> None:
    memory = machine_memory()
    assert memory is not None
    check_memory(1, memory / 2)
    allowed = int(memory / 0.5)
    with pytest.raises(ConfigError, match=rf"^jobs: found 100000, .*launcher.memory=0.5 .* up to {allowed},"):
        Local().workers(100_000, Path("nowhere"))


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
