"""What `metassl train` does once Hydra has composed the config: one job."""

from collections.abc import Collection
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from metassl.cli.devices import check_one_device
from metassl.cli.earlier_runs import earlier_job
from metassl.quick_imports import quick_imports
from metassl.runs.status import attempt


def run_job(config: DictConfig, vouched: Collection[str] = ()) -> float | None:
    """Trains and tests. In a sweep a job that fails is recorded and the next one runs, and one that was done
    when the same sweep ran before is not done again.

    Returns the best validation score, by which sweepers may search; None for a job that failed or went on to
    no test.

    Args:
        config: of the job.
        vouched: what the config of a resumed run may build besides this package's and torch's classes.
    """
    hydra_config = HydraConfig.get()
    folder = Path(hydra_config.runtime.output_dir)
    words, alone = list(hydra_config.overrides.task), hydra_config.mode == RunMode.RUN
    done = None if alone else earlier_job(config, folder, words)
    if done is not None:
        print(f"{folder}: done already")
        return done

    def work() -> float | None:
        if not alone:  # a value of the sweep may have changed it
            check_one_device(config)
        with quick_imports():  # here, for torch takes seconds and the checks before it need none of it
            from metassl.training.run import train_and_test

        choices = {k: str(v) for k, v in hydra_config.runtime.choices.items() if not k.startswith("hydra/")}
        return train_and_test(config, folder, choices, words, vouched)

    return attempt(work, folder, alone)
