"""One cell of a sweep in a worker process, which imports torch once and then runs many cells."""

from pathlib import Path

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, open_dict

from metassl.cli.job import attempt
from metassl.experiments.cells import Cell, TestCell, prepare


def run_cell(cell: Cell, folder: Path, conf: Path) -> float | None:
    """Trains and tests a cell in its folder; returns its accuracy (0..1), None where it failed.

    A failure is left in the folder's status.json, as in any sweep.
    """
    place = folder / cell.name
    resume = prepare(cell, folder)

    def work() -> float | None:
        from metassl.training.run import train_and_test

        config, choices = _compose(cell, place, conf)
        config.resume = None if resume is None else str(resume)
        return train_and_test(config, place, choices, cell.words)

    return attempt(work, place, alone=False)


def run_test_cell(cell: TestCell, folder: Path, conf: Path) -> float | None:
    """Tests the weights that a cell has trained; as `run_cell`."""
    place = folder / cell.name
    place.mkdir(parents=True, exist_ok=True)

    def work() -> float:
        from metassl.training.checkpoints import tested_checkpoint
        from metassl.training.run import test_weights

        config, choices = _compose(cell, place, conf)
        return test_weights(
            config, tested_checkpoint(config, folder / cell.weights), place, choices, cell.words
        )

    return attempt(work, place, alone=False)


def _compose(cell: Cell, place: Path, conf: Path) -> tuple[DictConfig, dict[str, str]]:
    """The cell's config and the option of each group."""
    words = [*cell.words, "trainer.progress=false", "trainer.threads=1"]
    with initialize_config_dir(str(conf.resolve()), version_base="1.3"):
        config = compose("config", overrides=words, return_hydra_config=True)
    choices = {k: str(v) for k, v in config.hydra.runtime.choices.items() if not k.startswith("hydra/")}
    with open_dict(config):
        del config["hydra"]
    config.paths.output_dir = str(place)
    return config, choices
