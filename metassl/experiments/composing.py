"""Composes the configs of a sweep's runs, and what many of them share only once.

Hydra takes about half a second for a config, as long as a small run itself.
"""

import pickle
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf, open_dict

from metassl.experiments.pair_configs import pair_config

PAIR = ("model", "ssl", "seed")  # what the words of a map's runs begin with
FIXED = ("trainer.progress=false", "trainer.threads=1")  # of a run beside others; the run's own words win


class Composed(NamedTuple):
    """A run's config, and the option of each of its groups."""

    config: DictConfig
    choices: dict[str, str]

    def packed(self) -> bytes:
        """As it is sent to a worker: thousands of them may wait."""
        return zlib.compress(pickle.dumps(self))

    @staticmethod
    def unpacked(content: bytes) -> "Composed":
        """What `packed` gave, in another process of the same sweep."""
        found = pickle.loads(zlib.decompress(content))
        assert isinstance(found, Composed)
        return found


def compose_run(words: Sequence[str], conf: Path) -> Composed:
    """The config that a run's words give, by Hydra."""
    with initialize_config_dir(str(conf.resolve()), version_base="1.3"):
        config = compose("config", overrides=[*FIXED, *words], return_hydra_config=True)
    choices = {k: str(v) for k, v in config.hydra.runtime.choices.items() if not k.startswith("hydra/")}
    with open_dict(config):
        del config["hydra"]
    return Composed(config, choices)


class Composer:
    """Composes each option of a map's groups once, and puts pairs of them together.

    A pair is the model's config with the other's section `ssl`, where that is all that they differ in from a
    pair they share; else, and for runs of other words, Hydra composes it.

    Args:
        conf: the config groups.
    """

    def __init__(self, conf: Path) -> None:
        self._conf = conf
        self._known: dict[tuple[str, ...], Composed] = {}
        self._first: dict[tuple[str, ...], tuple[str, str, str]] = {}

    def composed(self, words: Sequence[str]) -> Composed:
        """The config that these words give."""
        pair, rest = _pair(words), tuple(words[len(PAIR) :])
        if pair is None:
            return compose_run(words, self._conf)
        model, ssl, seed = pair
        model0, ssl0, seed0 = self._first.setdefault(rest, pair)
        base, of_model, of_ssl = (
            self._once((*each, seed0, *rest)) for each in ((model0, ssl0), (model, ssl0), (model0, ssl))
        )
        put = _put_together(base, of_model, of_ssl) or self._once((model, ssl, seed0, *rest))
        config = put.config.copy()
        config.seed = int(seed.partition("=")[2])
        return Composed(config, put.choices)

    def _once(self, words: tuple[str, ...]) -> Composed:
        if words not in self._known:
            self._known[words] = compose_run(words, self._conf)
        return self._known[words]


def _pair(words: Sequence[str]) -> tuple[str, str, str] | None:
    """The words of a map's run that are its own; None for another kind of run."""
    if tuple(word.partition("=")[0] for word in words[: len(PAIR)]) != PAIR:
        return None
    model, ssl, seed = words[: len(PAIR)]
    return (model, ssl, seed) if seed.partition("=")[2].isdigit() else None


def _put_together(base: Composed, of_model: Composed, of_ssl: Composed) -> Composed | None:
    """The model of one with the SSL term of the other; None where one of them changes what is the other's."""
    whole, model, ssl = (dict(_plain(each.config)) for each in (base, of_model, of_ssl))
    same_term = whole["ssl"] == model["ssl"]
    same_rest = {**whole, "ssl": None} == {**ssl, "ssl": None}
    if not (same_term and same_rest):
        return None
    kept = {
        key: value
        for key, value in of_model.choices.items()
        if key in of_ssl.choices or key not in base.choices
    }
    changed = {key: value for key, value in of_ssl.choices.items() if base.choices.get(key) != value}
    return Composed(pair_config(of_model.config, of_ssl.config), {**kept, **changed})


def _plain(config: DictConfig) -> dict[Any, Any]:
    found = OmegaConf.to_container(config, resolve=False)
    assert isinstance(found, dict)
    return found
