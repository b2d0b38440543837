"""Tells an experiment tracker what a run has found: config, numbers of the meta-test, pictures."""

from collections.abc import Iterator, Mapping, Sequence
from functools import singledispatch
from pathlib import Path
from typing import Any, NamedTuple, cast

from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.loggers import Logger, MLFlowLogger, TensorBoardLogger, WandbLogger

from metassl.training.csv_log import CSVLog

ELSEWHERE = ("train", "validation")  # of results.json


class Found(NamedTuple):
    """What a tracker is told.

    Attributes:
        config: resolved, nested.
        numbers: name -> value, see `numbers_of`.
        pictures: files of the run's folder.
        step: the last one of the training.
    """

    config: dict[str, Any]
    numbers: dict[str, float]
    pictures: list[Path]
    step: int


def tell_trackers(
    loggers: Sequence[Logger], config: DictConfig, results: Mapping[str, Any], folder: Path
) -> None:
    """Tells each logger but that of metrics.csv, whose run has these in files.

    Args:
        loggers: of the training.
        config: of the run.
        results: as in results.json.
        folder: of the run; the pictures that lie in it are told as well.
    """
    plain = cast(dict[str, Any], OmegaConf.to_container(config, resolve=True))
    numbers, pictures = dict(numbers_of(results)), sorted(folder.glob("*.png"))
    for logger in loggers:
        if not isinstance(logger, CSVLog):
            tell(logger, Found(plain, numbers, pictures, config.trainer.steps))


def numbers_of(results: Mapping[str, Any], prefix: str = "test/") -> Iterator[tuple[str, float]]:
    """Name -> number, of what results.json says of the test: test/accuracy, test/accuracy_ci95, test/gain.

    Scores are as there, so that an accuracy is from 0 to 1. What the episodes are made of is in the config,
    and the validations have been logged.
    """
    for name, value in results.items():
        if name in ELSEWHERE:
            continue
        if not isinstance(value, Mapping):
            if isinstance(value, float):
                yield f"{prefix}{name}", value
        elif "mean" in value and "ci95" in value:
            yield f"{prefix}{name}", float(value["mean"])
            yield f"{prefix}{name}_ci95", float(value["ci95"])
        else:
            yield from numbers_of(value, f"{prefix}{name}/")


@singledispatch
def tell(logger: Logger, found: Found) -> None:
    """Any tracker gets the config and the numbers as Lightning has them."""
    logger.log_hyperparams(found.config)
    logger.log_metrics(found.numbers, found.step)
    logger.save()


@tell.register
def _(logger: TensorBoardLogger, found: Found) -> None:
    """A row of the HParams table, scalars, and the pictures."""
    logger.log_hyperparams(found.config, found.numbers, found.step)
    for path in found.pictures:
        logger.experiment.add_image(path.stem, _pixels(path), found.step, dataformats="HWC")
    logger.save()
    logger.experiment.close()


@tell.register
def _(logger: WandbLogger, found: Found) -> None:
    """The run's config and its summary, by which runs are compared."""
    logger.log_hyperparams(found.config)
    logger.experiment.summary.update(found.numbers)
    for path in found.pictures:
        logger.log_image(path.stem, [str(path)])


@tell.register
def _(logger: MLFlowLogger, found: Found) -> None:
    """Parameters, metrics, and the pictures as artifacts."""
    logger.log_hyperparams(found.config)
    logger.log_metrics(found.numbers, found.step)
    for path in found.pictures:
        logger.experiment.log_artifact(logger.run_id, str(path))


def _pixels(path: Path) -> Any:
    """[height, width, 3] of a picture, uint8."""
    import numpy as np
    from PIL import Image

    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))
