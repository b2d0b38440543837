"""Configs that are put together are those that Hydra composes."""

import pytest
from omegaconf import OmegaConf

from metassl.experiments import composing
from metassl.experiments.composing import Composed, Composer, compose_run
from metassl.experiments.planned_runs import every_pair
from tests.conftest import CONF

COMMON = ("experiment=map", "backbone.filters=4", "trainer.threads=2")


def test_pairs_are_what_hydra_composes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of models that choose an engine and a backbone, of objectives that wrap another; every seed."""
    calls: list[tuple[str, ...]] = []
    monkeypatch.setattr(
        composing, "compose_run", lambda words, conf: calls.append(tuple(words)) or compose_run(words, conf)
    )
    runs = every_pair(["maml", "protonet"], ["none", "learned_hparams", "vat"], [0, 3], COMMON)
    composer = Composer(CONF)
    found = [composer.composed(run.words) for run in runs]
    assert len(calls) == 4  # one pair, two more objectives, one more model
    for run, each in zip(runs[-3:], found[-3:], strict=True):
        expected = compose_run(run.words, CONF)
        unpacked = Composed.unpacked(each.packed())
        for config in (each.config, unpacked.config):
            assert OmegaConf.to_yaml(config) == OmegaConf.to_yaml(expected.config)
        assert unpacked.choices == each.choices == expected.choices


def test_other_words_are_hydra_s() -> None:
    words = ("experiment=map", "seed=1")
    assert Composer(CONF).composed(words) == compose_run(words, CONF)
