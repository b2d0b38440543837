"""What the words of a search's command line say."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Override

from metassl.cli.choices import SEARCHPATH, count, several
from metassl.cli.folders import given_folder
from metassl.cli.launching import read_launcher
from metassl.cli.own_configs import own_targets, words_of
from metassl.errors import ConfigError, one_of
from metassl.experiments.launchers.base import Launcher
from metassl.search.grammar import parse_space_words
from metassl.search.pruning import PRUNERS
from metassl.search.sampling import NAMES
from metassl.search.storage import absolute, check_storage, own_storage

OWN = (
    "out", "trials", "jobs", "seeds", "seed", "sampler", "pruner", "storage", "study", "ready",
)  # fmt: skip
REFUSED: Mapping[str, str] = {
    "evaluation.split": "trials are judged on validation classes, and the final runs on test classes.",
    "resume": "type the same command again, and the search goes on.",
}


@dataclass(frozen=True)
class SearchOptions:
    """What the words of the command line say.

    Attributes:
        out: folder of the search.
        trials: that are to have ended; None: 30, or all of a grid.
        jobs: trials side by side.
        launcher: where they are done.
        seed: of the trainings and of the sampler.
        seeds: of the final runs.
        sampler, pruner: by name.
        storage, study: where the study is, and its name there.
        private: whether the storage is this folder's own.
        ready: whether the ready-made space takes part.
        words: for every training.
        swept: the words that have several values.
        search: `hydra.searchpath=[...]`, if it is there.
        vouched: what a config may build besides this package's and torch's classes.
    """

    out: Path
    trials: int | None
    jobs: int
    launcher: Launcher
    seed: int
    seeds: tuple[int, ...]
    sampler: str
    pruner: str
    storage: str
    study: str
    private: bool
    ready: bool
    words: list[str]
    swept: list[Override]
    search: list[str]
    vouched: Collection[str]


def read_search_options(arguments: list[str]) -> SearchOptions:
    """The options; what is not the search's own must be an option of `metassl train`."""
    own, swept, others = _separate(arguments)
    launcher, words = read_launcher(others)
    if "out" not in own:
        raise ConfigError("out: has no default, give it as out=outputs/search")
    out = given_folder("out", own["out"])
    seed = count("seed", own.get("seed", 0), 0)
    storage = str(own.get("storage", own_storage(out)))
    check_storage(storage)
    search = [word for word in words if word.startswith(f"{SEARCHPATH}=")]
    sampler = _named("sampler", own.get("sampler", "tpe"), NAMES)
    return SearchOptions(
        out=out,
        trials=count("trials", own["trials"], 1) if "trials" in own else None,
        jobs=count("jobs", own.get("jobs", 1), 1),
        launcher=launcher,
        seed=seed,
        seeds=_seeds(own.get("seeds"), seed),
        sampler=sampler,
        pruner=_named("pruner", own.get("pruner", "hyperband"), PRUNERS),
        storage=absolute(storage),
        study=_text("study", own.get("study", "search")),
        private="storage" not in own,
        ready=_switch("ready", own.get("ready", True)),
        words=words,
        swept=swept,
        search=search,
        vouched=own_targets(search),
    )


def _separate(arguments: list[str]) -> tuple[dict[str, Any], list[Override], list[str]]:
    """The search's own words, those with several values, and the others as they are."""
    own: dict[str, Any] = {}
    swept, others = [], []
    for override in parse_space_words(words_of(arguments)):
        key = override.get_key_element()
        if key in OWN:
            if override.is_sweep_override():
                raise ConfigError(f"{override.input_line}: {key} has one value in a search.")
            own[key] = override.value()
        elif key in REFUSED:
            raise ConfigError(f"{key}: {REFUSED[key]}")
        elif override.is_sweep_override():
            swept.append(override)
        else:
            others.append(str(override.input_line))
    return own, swept, others


def _seeds(value: Any, seed: int) -> tuple[int, ...]:
    """Of the final runs: the first three that are not the search's own, where none is given."""
    if value is None:
        return tuple(k for k in range(4) if k != seed)[:3]
    if value == []:
        return ()
    found = [count("seeds", each, 0) for each in several("seeds", value)]
    if seed in found:
        raise ConfigError(
            f"seeds: found {seed}, by which the trials were chosen (seed={seed}); give fresh ones."
        )
    if len(set(found)) < len(found):
        raise ConfigError(f"seeds: found {found}, allowed are different ones.")
    return tuple(found)


def _named(key: str, value: Any, known: Collection[str]) -> str:
    if str(value) not in known and not (value is None and "none" in known):
        raise ConfigError(one_of(key, value, known))
    return "none" if value is None else str(value)


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"{key}: found {value!r}, allowed is a name.")
    return value


def _switch(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(f"{key}: found {value!r}, allowed is true or false.")
    return value


def fixed_keys(words: Sequence[str]) -> set[str]:
    """The keys that these words give one value."""
    return {override.get_key_element().lstrip("+~") for override in parse_space_words(words)}
