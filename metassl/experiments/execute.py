"""Does one planned run in a worker, which imports torch once and then does many.

What a run says goes into `output.txt` of its folder, as it says it.
"""

from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, open_dict

from metassl.experiments.kept import Kept
from metassl.experiments.planned_runs import PlannedRun, PlannedTest, prepare_folder
from metassl.runs.file_names import SAID
from metassl.runs.status import attempt


def execute_run(kept: Kept, run: PlannedRun, sweep: Path, conf: Path) -> float | None:
    """Trains and tests in the run's folder; returns the score that decides, None where it failed.

    A failure is left in the folder's status.json, as in any sweep.

    Args:
        kept: of the worker.
        run: what to do.
        sweep: the folder that the run's folder is in.
        conf: the config groups.
    """
    folder = sweep / run.name
    resume = prepare_folder(run, sweep)

    def work() -> float | None:
        from metassl.training.run import train_and_test

        config, choices = _compose(run, folder, conf)
        config.resume = None if resume is None else str(resume)
        return train_and_test(config, folder, choices, run.words)

    with said_in(folder):
        return attempt(work, folder, alone=False)


def execute_test(kept: Kept, test: PlannedTest, sweep: Path, conf: Path) -> float | None:
    """Tests the weights that another run has trained; as `execute_run`."""
    folder = sweep / test.name
    folder.mkdir(parents=True, exist_ok=True)

    def work() -> float:
        from metassl.training.final_test import retest

        config, choices = _compose(test, folder, conf)
        return retest(config, sweep / test.weights, folder, choices, test.words)

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


def _compose(run: PlannedRun, folder: Path, conf: Path) -> tuple[DictConfig, dict[str, str]]:
    """The run's config and the option of each group."""
    words = [*run.words, "trainer.progress=false", "trainer.threads=1"]
    with initialize_config_dir(str(conf.resolve()), version_base="1.3"):
        config = compose("config", overrides=words, return_hydra_config=True)
    choices = {k: str(v) for k, v in config.hydra.runtime.choices.items() if not k.startswith("hydra/")}
    with open_dict(config):
        del config["hydra"]
    config.paths.output_dir = str(folder)
    return config, choices
