"""Does one planned run in a worker, which imports torch once and then does many.

What a run says goes into `output.txt` of its folder, as it says it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from metassl.experiments.claims import claimed
from metassl.experiments.composing import Composed, compose_run
from metassl.experiments.kept import Kept
from metassl.experiments.planned_runs import PlannedRun, PlannedTest, prepare_folder
from metassl.runs.file_names import SAID
from metassl.runs.status import attempt


def execute_run(
    kept: Kept, run: PlannedRun, sweep: Path, conf: Path, composed: bytes | None = None
) -> float | None:
    """Trains and tests in the run's folder; returns the score that decides, None where it failed.

    A failure is left in the folder's status.json, as in any sweep. Raises RunTaken where another process is
    at work on the run.

    Args:
        kept: of the worker.
        run: what to do.
        sweep: the folder that the run's folder is in.
        conf: the config groups.
        composed: its config as `Composed.packed` has it; None: it is composed here.
    """
    folder = sweep / run.name

    def work() -> float | None:
        from metassl.training.run import train_and_test

        config, choices = _composed(composed, run.words, folder, conf)
        config.resume = None if resume is None else str(resume)
        return train_and_test(config, folder, choices, run.words, twins=kept.twins)

    with claimed(sweep, run.name):
        resume = prepare_folder(run, sweep)
        with said_in(folder):
            return attempt(work, folder, alone=False)


def execute_test(
    kept: Kept, test: PlannedTest, sweep: Path, conf: Path, composed: bytes | None = None
) -> float | None:
    """Tests the weights that another run has trained; as `execute_run`."""
    folder = sweep / test.name

    def work() -> float:
        from metassl.training.final_test import retest

        config, choices = _composed(composed, test.words, folder, conf)
        return retest(config, sweep / test.weights, folder, choices, test.words, kept.twins)

    with claimed(sweep, test.name):
        folder.mkdir(parents=True, exist_ok=True)
        with said_in(folder):
            return attempt(work, folder, alone=False)


@contextmanager
def said_in(folder: Path) -> Iterator[None]:
    """What is said within it goes into the folder's output.txt, line by line: a kill loses none."""
    with (
        (folder / SAID).open("a", encoding="utf-8", buffering=1) as file,
        redirect_stdout(file),
        redirect_stderr(file),
    ):
        yield


def _composed(composed: bytes | None, words: Sequence[str], folder: Path, conf: Path) -> Composed:
    """The config that the sweep has composed for a run, or what its words give; it writes into the folder."""
    found = compose_run(words, conf) if composed is None else Composed.unpacked(composed)
    found.config.paths.output_dir = str(folder)
    return found
