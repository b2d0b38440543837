"""Runs the cells of a sweep that are not done yet, several side by side."""

import contextlib
import io
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from metassl.sweeps.cells import Cell, is_done
from metassl.sweeps.worker import run_cell

CELLS = 10  # that a worker runs before it is replaced


def run_cells(cells: Sequence[Cell], folder: Path, conf: Path, jobs: int) -> list[Cell]:
    """Runs what is not done, `jobs` one-threaded processes at a time; returns the cells that failed.

    A cell that was killed goes on from its last checkpoint. Raises UserError where a folder holds something
    else, KeyboardInterrupt after stopping the workers.
    """
    left = [cell for cell in cells if not is_done(cell, folder)]
    print(f"{len(cells)} cells, {len(cells) - len(left)} done already", flush=True)
    if not left:
        return []
    os.environ["OMP_NUM_THREADS"] = "1"  # read when a worker starts: its threads would wait for each other
    failed: list[Cell] = []
    # a fresh process after some cells gives back what the allocator keeps
    with ProcessPoolExecutor(jobs, get_context("spawn"), max_tasks_per_child=CELLS) as pool:
        futures = {pool.submit(partial(_quietly, folder=folder, conf=conf), cell): cell for cell in left}
        try:
            failed = _follow(futures)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return failed


def _follow(futures: dict[Future[float | None], Cell]) -> list[Cell]:
    """Says how each cell ended and how long the rest may take."""
    began, total, failed = time.monotonic(), len(futures), []
    waiting = set(futures)
    while waiting:
        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        for future in done:
            cell, accuracy = futures[future], future.result()
            if accuracy is None:
                failed.append(cell)
            count = total - len(waiting)
            rest = (time.monotonic() - began) / count * len(waiting) / 60
            said = "FAILED" if accuracy is None else f"{100 * accuracy:.1f} %"
            print(f"[{count}/{total}] {cell.name}: {said}, about {rest:.0f} min left", flush=True)
    return failed


def _quietly(cell: Cell, folder: Path, conf: Path) -> float | None:
    """The cell's own words go into its folder."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        accuracy = run_cell(cell, folder, conf)
    (folder / cell.name / "output.txt").write_text(said.getvalue(), encoding="utf-8")
    sys.stdout.flush()
    return accuracy
