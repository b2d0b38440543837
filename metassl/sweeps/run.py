"""Runs the cells of a sweep that are not done yet, several side by side."""

import contextlib
import io
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from metassl.errors import UserError
from metassl.sweeps.cells import Cell, is_done
from metassl.sweeps.worker import run_cell

CELLS = 12  # of each worker before it is replaced


def run_cells(cells: Sequence[Cell], folder: Path, conf: Path, jobs: int) -> list[Cell]:
    """Runs what is not done, `jobs` one-threaded processes at a time; returns the cells that failed.

    A cell that was killed goes on from its last checkpoint. Raises UserError where a folder holds something
    else or a worker was killed, KeyboardInterrupt after stopping the workers.
    """
    left = [cell for cell in cells if not is_done(cell, folder)]
    print(f"{len(cells)} cells, {len(cells) - len(left)} done already", flush=True)
    os.environ["OMP_NUM_THREADS"] = "1"  # read when a worker starts: its threads would wait for each other
    progress = Progress(len(left))
    failed: list[Cell] = []
    for low in range(0, len(left), jobs * CELLS):
        failed += _run_some(left[low : low + jobs * CELLS], folder, conf, jobs, progress)
    return failed


class Progress:
    """Says how each cell ended and how long the rest may take."""

    def __init__(self, total: int) -> None:
        self.total, self.count, self.began = total, 0, time.monotonic()

    def ended(self, cell: Cell, accuracy: float | None) -> None:
        """One more cell; an accuracy of None means that it failed."""
        self.count += 1
        rest = (time.monotonic() - self.began) / self.count * (self.total - self.count) / 60
        said = "FAILED" if accuracy is None else f"{100 * accuracy:.1f} %"
        print(f"[{self.count}/{self.total}] {cell.name}: {said}, about {rest:.0f} min left", flush=True)


def _run_some(cells: Sequence[Cell], folder: Path, conf: Path, jobs: int, progress: Progress) -> list[Cell]:
    """Runs some cells in fresh processes, which give back what the allocator of the last ones kept.

    Not by the executor's own max_tasks_per_child, which can stop for ever when it replaces a process.
    """
    failed = []
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        futures = {pool.submit(partial(_quietly, folder=folder, conf=conf), cell): cell for cell in cells}
        try:
            for future in as_completed(futures):
                cell, accuracy = futures[future], future.result()
                progress.ended(cell, accuracy)
                failed += [cell] if accuracy is None else []
        except BrokenProcessPool:
            raise UserError("a worker was killed (memory?); the same command goes on where it was.") from None
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return failed


def _quietly(cell: Cell, folder: Path, conf: Path) -> float | None:
    """The cell's own words go into its folder."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        accuracy = run_cell(cell, folder, conf)
    (folder / cell.name / "output.txt").write_text(said.getvalue(), encoding="utf-8")
    sys.stdout.flush()
    return accuracy
