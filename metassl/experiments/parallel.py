"""Does the runs of a sweep that are not done yet, several side by side."""

from collections.abc import Sequence
from concurrent.futures import Future, wait
from math import nan
from pathlib import Path
from typing import Protocol, TypeVar

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from metassl.errors import Interrupted
from metassl.experiments.claims import RunTaken
from metassl.experiments.composing import Composer
from metassl.experiments.execute import execute_run
from metassl.experiments.kept import Kept
from metassl.experiments.launchers.base import Launcher, WorkerLost
from metassl.experiments.planned_runs import PlannedRun, is_done
from metassl.experiments.progress import Progress
from metassl.files import read_json
from metassl.runs.file_names import RESULTS
from metassl.runs.status import ended_well, set_failed

TELL = 60  # seconds between two lines of progress
P_contra = TypeVar("P_contra", bound=PlannedRun, contravariant=True)
P = TypeVar("P", bound=PlannedRun)


class Execute(Protocol[P_contra]):
    """Does a run in a worker: the score that decides, None for a failure."""

    def __call__(
        self, kept: Kept, run: P_contra, sweep: Path, conf: Path, composed: bytes | None, /
    ) -> float | None:
        """See `execute_run`."""
        ...


def run_in_parallel(
    runs: Sequence[P],
    sweep: Path,
    conf: Path,
    jobs: int,
    launcher: Launcher,
    execute: Execute[P] = execute_run,
) -> list[P]:
    """Does what is not done, `jobs` runs at a time; returns the runs that failed.

    A run that was killed goes on from its last checkpoint; one whose worker dies counts as failed, and the
    others go on. Raises UserError where a folder holds something else, Interrupted after stopping the workers
    by hand.

    Args:
        runs: of the sweep.
        sweep: its folder; each run has a folder of its name in it.
        conf: the config groups.
        jobs: runs side by side.
        launcher: where they are done.
        execute: does one of them in a worker.
    """
    left = [run for run in runs if not is_done(run, sweep)]
    print(f"{len(runs)} runs, {len(runs) - len(left)} done already", flush=True)
    if not left:
        return []
    progress, composer = Progress(left, sweep), Composer(conf)
    failed: list[P] = []
    futures: dict[Future[float | None], P] = {}

    def tell(seconds: float) -> None:
        """Says which runs have ended, or how far they are where none does so in some seconds."""
        ended, _ = wait(futures, seconds, "FIRST_COMPLETED")
        for future in ended:
            run = futures.pop(future)
            score = _score(future, sweep / run.name)
            progress.ended(run, score)
            failed.extend([run] if score is None else [])
        if not ended and seconds:
            progress.tell()

    try:
        with launcher.workers(min(jobs, len(left)), sweep) as workers:
            for run in left:
                futures[workers.submit(execute, run, sweep, conf, _composed(composer, run))] = run
                tell(0)
            while futures:
                tell(TELL)
    except (KeyboardInterrupt, Interrupted):
        raise Interrupted("stopped; the same command goes on where it was") from None
    return failed


def _composed(composer: Composer, run: PlannedRun) -> bytes | None:
    """The run's config as a worker is sent it; None where it can't be composed, as its worker says then."""
    try:
        return composer.composed(run.words).packed()
    except (HydraException, OmegaConfBaseException):
        return None


def _score(future: "Future[float | None]", folder: Path) -> float | None:
    """What a run gave, None for a failure; where its worker died the folder has no word of it yet."""
    try:
        return future.result()
    except RunTaken as error:
        print(f"error: {error}", flush=True)
        return None
    except WorkerLost as error:
        if ended_well(folder):  # the worker died in a later run of the same job
            return float(read_json(folder / RESULTS).get("validation", {}).get("mean", nan))
        set_failed(folder, str(error))
        return None
