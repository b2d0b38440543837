"""What a search costs beside its trainings: seconds of a trial outside Lightning's loop, by what they go to.

    python -m benchmarks.search_overhead [trials]

In one process and one thread, on a training of a few steps; wall clock and processor time. The latter is what
counts where others work on the machine, too.
"""

import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

os.environ["OMP_NUM_THREADS"] = "1"

import optuna
import pytorch_lightning as pl
import torch

from metassl.cli import search_options
from metassl.cli.search import search
from metassl.experiments.kept import Kept
from metassl.search import loop
from metassl.search import trial as trials

LINE = (
    "model=protonet", "ssl=soft_kmeans", "trainer.steps=20", "trainer.val_every=5", "trainer.accelerator=cpu",
    "evaluation.val_episodes=20", "backbone.filters=8", "seeds=[]", "pruner=none",
)  # fmt: skip
Spent = dict[str, list[float]]


class Here:
    """A launcher that does everything at once, in this process."""

    @contextmanager
    def workers(self, jobs: int, folder: Path) -> Iterator["Here"]:
        """See `Launcher`."""
        yield self

    def submit(self, work: Callable[..., Any], *args: Any) -> "Future[Any]":
        """See `Workers`."""
        future: Future[Any] = Future()
        future.set_result(work(Kept(), *args))
        return future


@contextmanager
def timed(spent: Spent, name: str, owner: Any, attribute: str) -> Iterator[None]:
    """Adds up what a function takes, in seconds of the clock and of the processor."""
    function = getattr(owner, attribute)

    def measured(*args: Any, **kwargs: Any) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            return function(*args, **kwargs)
        finally:
            spent[name][0] += time.perf_counter() - wall
            spent[name][1] += time.process_time() - cpu

    with patch.object(owner, attribute, measured):
        yield


def main(count: int) -> None:
    """Measures and prints a table, per trial; the first trial, which imports, is not counted."""
    torch.set_num_threads(1)
    spent: Spent = defaultdict(lambda: [0.0, 0.0])
    read = search_options.read_search_options

    def here(words: list[str]) -> Any:
        launcher: Any = Here()
        return replace(read(words), launcher=launcher)

    with tempfile.TemporaryDirectory() as place, patch.object(search_options, "read_search_options", here):
        search([*LINE, f"out={place}/out", "trials=1"])
        with (
            timed(spent, "training, validations and checkpoints", pl.Trainer, "fit"),
            timed(spent, "a whole trial in its worker", loop, "run_trial"),
            timed(spent, "composing its config", trials, "compose_run"),
            timed(spent, "opening the study in the worker", trials, "reporter"),
            timed(spent, "asking for values", optuna.Study, "ask"),
            timed(spent, "telling the end", optuna.Study, "tell"),
        ):
            search([*LINE, f"out={place}/out", f"trials={count + 1}"])
    print(f"\nper trial, of {count}: seconds of the clock, of the processor")
    for name, (wall, cpu) in spent.items():
        print(f"  {name:<40} {wall / count:7.3f} {cpu / count:7.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
