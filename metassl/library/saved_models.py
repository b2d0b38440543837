"""Trained learners by their place: a model or run folder, a checkpoint, or the name of a shipped one."""

from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from metassl.errors import ConfigError, UserError, one_of
from metassl.files import read_json
from metassl.outcomes.classification import Classification
from metassl.runs.facts import is_number
from metassl.runs.file_names import ABOUT, CONFIG, RESULTS, TASK
from metassl.runs.saved import saved_experiment
from metassl.schema.check import check_config
from metassl.shipped import shipped_models
from metassl.trained.facts import Facts, read_facts
from metassl.trained.folder import encoder_of, is_model, read_model
from metassl.trained.model import SECTIONS, Model
from metassl.training.build import build_source, build_task_spec
from metassl.training.checkpoints import tested_checkpoint
from metassl.training.weights import checkpoint_weights

AS_TABLES = {"scale": "standard", "categories": 20, "width": None}
AS_THEY_ARE = {"scale": "none", "categories": 20, "width": None}
TOLD = ("choices", "overrides", "seed", "git", "packages")
OF_PLACES = ("hydra.", "paths.", "resume=")


def read_saved(place: str | Path) -> Model:
    """A trained learner whose tasks ask for classes; it may come from anywhere.

    Args:
        place: a model that the package brings, by its name; a folder of `metassl export`; a run's folder, or
            one checkpoint in it.

    Raises:
        UserError: no such thing, a damaged one, or one whose tasks ask for values.
        ConfigError: it would build other classes than this package's and torch's.
    """
    shipped, path = shipped_models(), Path(place)
    if str(place) in shipped and not path.exists():
        path = shipped[str(place)].parent
        if not is_model(path):
            raise UserError(f"model={place}: it takes tables alone, by `metassl label` or MetaClassifier().")
    if is_model(path):
        found = read_model(path)
    elif (_run_folder(path) / CONFIG).is_file():
        found = _of_run(path)
    else:
        raise UserError(one_of("model, a folder of a run or of an exported one, or a name", place, shipped))
    if not isinstance(found.outcome, Classification):
        raise UserError(f"model={place}: its tasks ask for {found.outcome.asks}, needed are classes.")
    return found


def _run_folder(path: Path) -> Path:
    return path.parent.parent if path.is_file() else path


def _of_run(path: Path) -> Model:
    """The learner of a run, with the weights that its meta-test read, or those of one checkpoint."""
    folder = _run_folder(path)
    config = saved_experiment(folder)
    try:
        OmegaConf.resolve(config)
    except OmegaConfBaseException as error:
        raise ConfigError(f"model={path}: {str(error).splitlines()[0]}") from None
    check_config(config)
    if config.dataset.source.get("components") == "always":
        raise UserError(f"model={path}: its rows were principal components throughout, allowed is 'beyond'.")
    facts, about = _facts(config, folder), _about(folder)
    weights, _ = checkpoint_weights(path if path.is_file() else tested_checkpoint(config, folder))
    plain = cast(dict[str, Any], OmegaConf.to_container(config))
    return Model(
        sections={name: plain[name] for name in SECTIONS if name in plain},
        facts=facts,
        encoding=_encoding(config.dataset.source, facts.input_shape),
        about=about,
        temperature=_temperature(about.get("results")),
        weights=weights,
        name=f"model={path}",
        encoder=encoder_of(folder, plain["dataset"].get("features"), facts),
    )


def _facts(config: DictConfig, folder: Path) -> Facts:
    """What the run has noted of its tasks; one of before there were notes asks its data set."""
    if (folder / TASK).is_file():
        return read_facts(folder / TASK, read_json(folder / TASK))
    task = build_task_spec(config, build_source(config))
    return Facts(task.way, tuple(task.input_shape), task.base_classes)


def _encoding(source: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    """As the run's rows were encoded: as tables, or not at all."""
    if len(shape) > 1 or "columns" not in source:  # of the sources of vectors, those of tables alone have it
        return AS_THEY_ARE
    own = {key: source[key] for key in ("scale", "categories") if key in source}
    return AS_TABLES | own | {"width": shape[0]}


def _temperature(results: Any) -> float:
    """As the run's meta-test has found it on validation tasks; 1 where it has not."""
    found = results.get("calibration") if isinstance(results, dict) else None
    value = found.get("temperature") if isinstance(found, dict) else None
    return float(value) if isinstance(value, int | float) and is_number(value) and value > 0 else 1.0


def _about(folder: Path) -> dict[str, Any]:
    about: dict[str, Any] = {}
    if (folder / ABOUT).is_file():
        noted = read_json(folder / ABOUT)
        about |= {name: noted[name] for name in TOLD if name in noted}
        words = about.get("overrides")
        if isinstance(words, list):  # where files lay is nobody's business
            about["overrides"] = [word for word in words if not str(word).startswith(OF_PLACES)]
    if (folder / RESULTS).is_file():
        about["results"] = read_json(folder / RESULTS)
    return about
