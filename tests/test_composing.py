"""The tests' own way to compose a config gives what Hydra gives."""

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import ConfigCompositionException
from omegaconf import OmegaConf
from omegaconf.errors import ConfigAttributeError

from tests.conftest import CONF, TINY
from tests.support.composing import composed


@pytest.mark.parametrize("words", [
    (*TINY, "model=protonet", "ssl=soft_kmeans", "ssl.refit_weight=2"), ("episode.way=[2,5]", "trainer.clip=0.5"),
    ("ssl.weight=3", "ssl=vat"), ("ssl.weight=3", "ssl.weight=4"), ("paths.cache_dir='a b'", "backbone=mlp"),
    ("~optimizer.optimizer.weight_decay", "optimizer.optimizer.lr=0.1"), ("+model.more=1", "model.steps=2"),
    ("dataset=curves", "dataset.source.families=[sine,line]", "outcome=regression"), ("evaluation={split: val}",),
    ("model=starts", "behind=maml", "behind.steps=2"), ("experiment=ren2018_omniglot/soft_kmeans", "model.rounds=2"),
    ("model=maml", "ssl=learned_hparams", "ssl@ssl.wrapped=entropy"), ("seed=${trainer.steps}",),
])  # fmt: skip
def test_it_is_hydras(words: tuple[str, ...]) -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        expected = compose("config", overrides=list(words))
    for _ in range(2):  # what one caller does to its config is nothing to the next
        config = composed(*words)
        assert config == expected
        assert OmegaConf.to_yaml(config) == OmegaConf.to_yaml(expected)
        config.seed = 9


def test_a_key_that_is_not_there_is_refused() -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"), pytest.raises(ConfigCompositionException):
        compose("config", overrides=["trainer.stepz=1"])
    with pytest.raises(ConfigAttributeError):
        composed("trainer.stepz=1")
