"""Meta-test a finished run again, on other episodes."""

import json
import os
import time
from datetime import datetime
from pathlib import Path

import torch
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from metassl.allocator import keep_freed_memory
from metassl.build import build_contents, build_learner, build_runner, build_task_spec
from metassl.cli.arguments import check_key, parse_words
from metassl.cli.saved import CONFIG, load_config
from metassl.errors import ConfigError, UserError
from metassl.evaluation.evaluate import evaluate
from metassl.evaluation.results import table, write_results
from metassl.files import write_json
from metassl.instantiate import refuse_foreign_targets
from metassl.lightning.checkpoints import tested_checkpoint
from metassl.lightning.weights import load_weights
from metassl.provenance import provenance
from metassl.run import quiet


def evaluate_run(words: list[str]) -> Path:
    """Tests the run that `run=FOLDER` names, with its config changed by the other words.

    `episode.X=v` changes the episodes of the test. Results go to FOLDER/evaluations/<when>/.
    """
    quiet()
    keep_freed_memory()
    folder, changes = run_folder(words)
    config = run_config(folder, changes)
    choices = run_choices(folder / "run.json")
    contents = build_contents(config)
    learner = build_learner(config, build_task_spec(config, contents))
    step = load_weights(learner, tested_checkpoint(config, folder))
    learner.to("cuda" if torch.cuda.is_available() and config.trainer.accelerator != "cpu" else "cpu")
    began = time.monotonic()
    results, columns = evaluate(config, learner, build_runner(config, learner), contents)
    about = provenance(choices, changes, config.seed)
    results |= {"steps": step, "wall_seconds": round(time.monotonic() - began, 1)}
    results |= {"commit": about["git"]["revision"]}
    target = folder / "evaluations" / datetime.now().strftime("%Y-%m-%d_%H-%M-%S.%f")
    target.mkdir(parents=True)
    write_json(target / "run.json", about)
    write_results(target, results, columns)
    print(table(results, choices, target))
    return target


def run_folder(words: list[str]) -> tuple[Path, list[str]]:
    """The folder that the word `run=FOLDER` names, and the other words."""
    named = [w.removeprefix("run=") for w in words if w.startswith("run=")]
    if len(named) != 1:
        raise ConfigError("run: say which run to test, as run=outputs/<when>.")
    folder = Path(named[0])
    for name in (CONFIG, "run.json"):
        if not (folder / name).is_file():
            raise UserError(f"run={folder}: found no {name} in it.")
    return folder, [w for w in words if not w.startswith("run=")]


def run_config(folder: Path, changes: list[str]) -> DictConfig:
    """The run's config, with this machine's data folder and the changes."""
    config = load_config(folder / CONFIG)
    refuse_foreign_targets(config)
    for variable, key in (("METASSL_DATA_DIR", "data_dir"), ("METASSL_CACHE_DIR", "cache_dir")):
        if variable in os.environ:
            config.paths[key] = os.environ[variable]
    if "data_dir" in config.dataset.source:
        config.dataset.source.data_dir = config.paths.data_dir
    for override in parse_words(changes):
        _change(config, override)
    return config


def run_choices(path: Path) -> dict[str, str]:
    """The option of each config group, from a run.json."""
    try:
        return dict(json.loads(path.read_text())["choices"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: is damaged ({type(error).__name__}: {error}).") from None


def _change(config: DictConfig, override: Override) -> None:
    """Applies one `key=value`; a change of the episode is one of the test episodes."""
    key = override.key_or_group
    if override.is_sweep_override() or override.is_add() or override.is_delete() or key.startswith("hydra."):
        raise ConfigError(
            f"{override.input_line}: allowed in a test is one value for a key that the run has."
        )
    check_key(override, config, set())
    node = OmegaConf.select(config, key)
    if isinstance(node, DictConfig):
        example = f"{key}.{next(map(str, node))}=..."
        raise ConfigError(f"{key}: can't be exchanged in a test; change single keys, such as {example}")
    OmegaConf.update(config, key, override.value())
    name = key.removeprefix("episode.")
    if key != name and name in config.episode.test:
        OmegaConf.update(config, f"episode.test.{name}", override.value())
