"""A learner of the caller's own, trained by `metassl train` or in a notebook."""

from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from metassl.errors import ConfigError, UserError
from metassl.learners.base import MetaLearner
from metassl.library.classifier.default_model import default_model
from metassl.outcomes.classification import Classification
from metassl.runs.file_names import CONFIG
from metassl.runs.saved import saved_experiment
from metassl.schema.check import check_config
from metassl.training.build import build_learner, build_source, build_task_spec
from metassl.training.checkpoints import tested_checkpoint
from metassl.training.weights import load_weights

AS_TABLES = {"scale": "standard", "categories": 20, "width": None}
AS_THEY_ARE = {"scale": "none", "categories": 20, "width": None}
OF_SOURCE = {"scale": "scale", "categories": "categories", "columns": "width"}  # its key -> ours


class Trained(NamedTuple):
    """A learner, and how rows are encoded that it was trained on.

    Attributes:
        learner: with its weights.
        encoding: scale, categories and width, as metassl.library.classifier.estimator has them.
    """

    learner: MetaLearner
    encoding: dict[str, Any]


def model_of(model: MetaLearner | str | Path | None) -> Trained:
    """The learner that a caller means: one, the folder or checkpoint of a run, or None for the default."""
    if model is None:
        return Trained(default_model(), AS_TABLES)
    if isinstance(model, MetaLearner):
        return Trained(model, AS_TABLES)
    if isinstance(model, str | Path) and str(model):
        return read_trained(Path(model))
    raise ConfigError(
        f"model: found {model!r}, allowed is a MetaLearner, the path of a run's folder, or None."
    )


def read_trained(path: Path) -> Trained:
    """Reads the learner of a run, which may come from anywhere, with the weights that its meta-test read.

    The config builds only this package's and torch's classes, and the checkpoint holds only tensors. The data
    set that it was trained on has to be at hand, or prepared: it says how wide a row is.

    Args:
        path: of the run's folder, or of one checkpoint in its folder `checkpoints`.

    Raises:
        UserError: no such run, a damaged one, or one whose tasks ask for values.
    """
    folder = path.parent.parent if path.is_file() else path
    if not (folder / CONFIG).is_file():
        raise UserError(
            f"model={path}: found no {CONFIG} in '{folder}', which every run leaves in its folder."
        )
    config = saved_experiment(folder)
    try:
        OmegaConf.resolve(config)
    except OmegaConfBaseException as error:
        raise ConfigError(f"model={path}: {str(error).splitlines()[0]}") from None
    check_config(config)
    source = build_source(config)
    task = build_task_spec(config, source)
    if not isinstance(task.outcome, Classification):
        raise UserError(f"model={path}: its tasks ask for {task.outcome.asks}, needed are classes.")
    learner = build_learner(config, task)
    load_weights(learner, path if path.is_file() else tested_checkpoint(config, folder))
    if config.dataset.source.get("components") == "always":
        raise UserError(f"model={path}: its rows were principal components throughout, allowed is 'beyond'.")
    return Trained(learner.eval(), _encoding(config.dataset.source, task.input_shape))


def _encoding(source: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    """As the run's rows were encoded: as tables, or not at all."""
    if len(shape) > 1 or "columns" not in source:  # of the sources of vectors, those of tables alone have it
        return AS_THEY_ARE
    return AS_TABLES | {ours: source[key] for key, ours in OF_SOURCE.items() if key in source}
