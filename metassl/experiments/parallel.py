"""Does the runs of a sweep that are not done yet, several side by side."""

import contextlib
import io
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import active_children, connection, get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import TypeVar

from metassl.errors import Interrupted, UserError
from metassl.experiments.execute import execute_run
from metassl.experiments.planned_runs import PlannedRun, is_done
from metassl.experiments.progress import Progress

RUNS = 12  # of each worker before it is replaced
TELL = 60  # seconds between two lines of progress
P = TypeVar("P", bound=PlannedRun)
Work = Callable[[P, Path, Path], float | None]


def run_in_parallel(
    runs: Sequence[P], sweep: Path, conf: Path, jobs: int, work: Work[P] = execute_run
) -> list[P]:
    """Does what is not done, in `jobs` one-threaded processes at a time; returns the runs that failed.

    A run that was killed goes on from its last checkpoint. Raises UserError where a folder holds something
    else or a worker was killed, Interrupted after stopping the workers by hand.

    Args:
        runs: of the sweep.
        sweep: its folder; each run has a folder of its name in it.
        conf: the config groups.
        jobs: processes side by side.
        work: (run, sweep, conf) -> the score that decides, None for a failure; it runs in the processes.
    """
    left = [run for run in runs if not is_done(run, sweep)]
    print(f"{len(runs)} runs, {len(runs) - len(left)} done already", flush=True)
    os.environ["OMP_NUM_THREADS"] = "1"  # read when a worker starts: its threads would wait for each other
    progress = Progress(left, sweep)
    failed: list[P] = []
    for low in range(0, len(left), jobs * RUNS):
        failed += _run_some(left[low : low + jobs * RUNS], sweep, conf, jobs, work, progress)
    return failed


def _run_some(
    runs: Sequence[P], sweep: Path, conf: Path, jobs: int, work: Work[P], progress: Progress
) -> list[P]:
    """Does some runs in fresh processes, which give back what the allocator of the last ones kept.

    Not by the executor's own max_tasks_per_child, which can stop for ever when it replaces a process.
    """
    failed = []
    with ProcessPoolExecutor(jobs, get_context("spawn"), _end_with_parent) as pool:
        doing = partial(_quietly, sweep=sweep, conf=conf, work=work)
        futures = {pool.submit(doing, run): run for run in runs}
        left = set(futures)
        try:
            while left:
                ended, left = wait(left, TELL, "FIRST_COMPLETED")
                for future in ended:
                    run, score = futures[future], future.result()
                    progress.ended(run, score)
                    failed += [run] if score is None else []
                if not ended:
                    progress.tell()
        except BrokenProcessPool:
            raise UserError("a worker was killed (memory?); the same command goes on where it was.") from None
        except (KeyboardInterrupt, Interrupted, SystemExit):  # the last from a worker that was stopped itself
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in active_children():
                worker.terminate()  # it leaves a checkpoint first
            raise Interrupted("stopped; the same command goes on where it was") from None
    return failed


def _end_with_parent() -> None:
    """A worker whose parent was killed ends at once: the same command, given again, does its run."""

    def watch() -> None:
        parent = parent_process()
        assert parent is not None
        connection.wait([parent.sentinel])
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def _quietly(run: P, sweep: Path, conf: Path, work: Work[P]) -> float | None:
    """What the run says goes into a file of its folder."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        score = work(run, sweep, conf)
    (sweep / run.name / "output.txt").write_text(said.getvalue(), encoding="utf-8")
    sys.stdout.flush()
    return score
