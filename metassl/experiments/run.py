"""Runs the cells of a sweep that are not done yet, several side by side."""

import contextlib
import io
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from metassl.errors import UserError
from metassl.experiments.cells import Cell, is_done
from metassl.experiments.progress import Progress
from metassl.experiments.worker import run_cell

CELLS = 12  # of each worker before it is replaced
TELL = 60  # seconds between two lines of progress
C = TypeVar("C", bound=Cell)
Work = Callable[[C, Path, Path], float | None]


def run_cells(cells: Sequence[C], folder: Path, conf: Path, jobs: int, work: Work[C] = run_cell) -> list[C]:
    """Runs what is not done, `jobs` one-threaded processes at a time; returns the cells that failed.

    A cell that was killed goes on from its last checkpoint. Raises UserError where a folder holds something
    else or a worker was killed, KeyboardInterrupt after stopping the workers.

    Args:
        cells: of the sweep.
        folder: each cell has a folder of its name in it.
        conf: the config groups.
        jobs: processes side by side.
        work: (cell, folder, conf) -> accuracy (0..1), or None for a failure; runs in the processes.
    """
    left = [cell for cell in cells if not is_done(cell, folder)]
    print(f"{len(cells)} cells, {len(cells) - len(left)} done already", flush=True)
    os.environ["OMP_NUM_THREADS"] = "1"  # read when a worker starts: its threads would wait for each other
    progress = Progress(left, folder)
    failed: list[C] = []
    for low in range(0, len(left), jobs * CELLS):
        failed += _run_some(left[low : low + jobs * CELLS], folder, conf, jobs, work, progress)
    return failed


def _run_some(
    cells: Sequence[C], folder: Path, conf: Path, jobs: int, work: Work[C], progress: Progress
) -> list[C]:
    """Runs some cells in fresh processes, which give back what the allocator of the last ones kept.

    Not by the executor's own max_tasks_per_child, which can stop for ever when it replaces a process.
    """
    failed = []
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        doing = partial(_quietly, folder=folder, conf=conf, work=work)
        futures = {pool.submit(doing, cell): cell for cell in cells}
        left = set(futures)
        try:
            while left:
                ended, left = wait(left, TELL, "FIRST_COMPLETED")
                for future in ended:
                    cell, accuracy = futures[future], future.result()
                    progress.ended(cell, accuracy)
                    failed += [cell] if accuracy is None else []
                if not ended:
                    progress.tell()
        except BrokenProcessPool:
            raise UserError("a worker was killed (memory?); the same command goes on where it was.") from None
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return failed


def _quietly(cell: C, folder: Path, conf: Path, work: Work[C]) -> float | None:
    """The cell's own words go into its folder."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        accuracy = work(cell, folder, conf)
    (folder / cell.name / "output.txt").write_text(said.getvalue(), encoding="utf-8")
    sys.stdout.flush()
    return accuracy
